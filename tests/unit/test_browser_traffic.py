"""What Chromium tells of requests, event by event, becomes one record a request."""

from __future__ import annotations

from typing import Any

from hublab.probes.browser_traffic import KEEPERS, Exchange, RequestEvents, exchanges_of

URL = "http://hub.lab:8000/hub/api/user"


def request_of(*events: tuple[str, dict[str, Any]]) -> RequestEvents:
    """All events of one request, in the order in which they came."""
    one = RequestEvents()
    for name, event in events:
        KEEPERS[name](one, event)
    return one


def only(one: RequestEvents) -> Exchange:
    assert one.complete
    (exchange,) = exchanges_of(one)
    return exchange


def will(method: str = "GET", url: str = URL, **more: Any) -> tuple[str, dict[str, Any]]:
    return "requestWillBeSent", {"request": {"method": method, "url": url, "headers": {}}, **more}


def test_an_answer_that_the_page_does_not_get() -> None:
    """The status stands in one event, the reason in another, cookies in a third."""
    cookies = [
        {"cookie": {"name": "sent"}, "blockedReasons": []},
        {"cookie": {"name": "kept"}, "blockedReasons": ["SameSiteLax"]},
    ]
    answer = {
        "statusCode": 200,
        "headers": {"Server": "x"},
        "resourceIPAddressSpace": "Public",
        "blockedCookies": [{"cookieLine": "c=1; Path=/", "blockedReasons": ["SecureOnly"]}],
    }
    failed = {"errorText": "net::ERR_FAILED", "corsErrorStatus": {"corsError": "X"}}
    seen = only(
        request_of(
            will(type="Fetch"),
            (
                "requestWillBeSentExtraInfo",
                {"headers": {"Origin": "o"}, "associatedCookies": cookies},
            ),
            ("responseReceivedExtraInfo", answer),
            ("loadingFailed", failed),
        )
    )
    assert (seen.kind, seen.status, seen.blocked, seen.space) == ("Fetch", 200, "X", "Public")
    assert (seen.sent, seen.received) == ({"origin": "o"}, {"server": "x"})
    assert (seen.cookies, seen.withheld) == (frozenset({"sent"}), {"kept": "SameSiteLax"})
    assert seen.refused == {"c": "SecureOnly"}
    assert not seen.is_preflight


def test_a_redirect_is_two_exchanges() -> None:
    """The second hop comes with the answer to the first; only the last can have failed."""
    chain = request_of(
        will(),
        will(url="/login", redirectResponse={"status": 302}, redirectHasExtraInfo=False),
        ("responseReceived", {"response": {"status": 200}, "hasExtraInfo": False}),
        ("loadingFailed", {"errorText": "net::ERR_BLOCKED_BY_RESPONSE"}),
    )
    first, second = exchanges_of(chain)
    assert (first.url, first.status, first.blocked) == (URL, 302, None)
    assert (second.url, second.status, second.blocked) == (
        "/login",
        200,
        "net::ERR_BLOCKED_BY_RESPONSE",
    )


def test_it_is_not_complete_before_its_extra_information() -> None:
    """Headers may be reported after the end, and there may be none to wait for."""
    events = [
        will(),
        ("responseReceived", {"response": {"status": 200}, "hasExtraInfo": True}),
        ("loadingFinished", {}),
    ]
    assert not request_of(*events).complete
    assert request_of(*events, ("responseReceivedExtraInfo", {"statusCode": 200})).complete


def test_a_websocket_that_is_refused() -> None:
    """The status is in the words of the error alone."""
    words = "Error during WebSocket handshake: Unexpected response code: 403"
    seen = only(
        request_of(
            ("webSocketCreated", {"url": "ws://hub.lab"}),
            (
                "webSocketWillSendHandshakeRequest",
                {"request": {"headers": {"Sec-Fetch-Mode": "websocket"}}},
            ),
            ("webSocketFrameError", {"errorMessage": words}),
        )
    )
    assert (seen.kind, seen.status, seen.blocked) == ("WebSocket", 403, words)
    assert seen.sent == {"sec-fetch-mode": "websocket"}


def test_a_preflight_is_known_by_its_header() -> None:
    preflight = (
        "requestWillBeSentExtraInfo",
        {"headers": {"Access-Control-Request-Method": "PUT"}},
    )
    assert only(request_of(will("OPTIONS"), preflight, ("loadingFinished", {}))).is_preflight
