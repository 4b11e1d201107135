"""What Chromium did on the wire for a page, whatever it let the page know of it.

A page that asks another origin learns an answer or "Failed to fetch". Chromium itself knows more
and reports it over the DevTools protocol, domain Network: the status that came, the preflight
before it, the cookies that it sent and withheld, and by which rule it kept the answer from the
page.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import CDPSession, Page

from hublab.probes.waiting import until

SETTLING = 30.0
"""Seconds within which a request that the page has given up or got is reported in full."""
LATE = 3.0
"""Seconds in which what the network said of a request follows the page's own failure."""
UPGRADE_REFUSED = re.compile(r"Unexpected response code: (\d+)")

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer."""

    method: str
    url: str
    kind: str
    """What Chromium calls its type: Document, Fetch, WebSocket …"""
    status: int | None
    """What was answered, also where the page may not know it; None: nothing was."""
    blocked: str | None
    """Why the page gets nothing: Chromium's CorsError or error code; None: it gets the answer."""
    sent: Mapping[str, str]
    """The request's headers, in lower case."""
    received: Mapping[str, str]
    """The answer's headers, in lower case."""
    cookies: frozenset[str]
    """Names of the cookies that went along."""
    withheld: Mapping[str, str]
    """Cookie of that site -> why it was not sent."""
    refused: Mapping[str, str]
    """Cookie of the answer -> why it was not stored."""
    space: str | None
    """The address space to which Chromium counts the host: Local, Loopback, Public."""

    @property
    def is_preflight(self) -> bool:
        """Whether Chromium asked on its own account if the page may ask."""
        return "access-control-request-method" in self.sent


@dataclass(slots=True)
class RequestEvents:
    """The events of one request: several of each where it was redirected."""

    requests: list[Event] = field(default_factory=list)
    sent_extras: list[Event] = field(default_factory=list)
    received_extras: list[Event] = field(default_factory=list)
    answers: list[Event] = field(default_factory=list)
    failed: Event | None = None
    ended: bool = False
    ended_at: float = 0.0

    @property
    def kept_from_page(self) -> bool:
        """Whether an answer came that the page may not have: a CORS error past the preflight."""
        cors = (self.failed or {}).get("corsErrorStatus")
        return cors is not None and not str(cors["corsError"]).startswith("Preflight")

    @property
    def complete(self) -> bool:
        """Whether nothing more is to come of what was begun."""
        if self.kept_from_page and not self.received_extras:
            # The page's process reports the failure, another one the answer: in any order.
            return self.ended and time.monotonic() - self.ended_at > LATE
        answered = all(one.get("hasExtraInfo", True) is False for one in self.answers)
        return self.ended and (answered or len(self.received_extras) >= len(self.answers))


class Traffic:
    """The requests of one page, of its workers and of frames of its own site. Use `of`."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        self._requests: dict[str, RequestEvents] = {}

    @classmethod
    async def of(cls, page: Page) -> Traffic:
        """Watch a page from now on."""
        session = await page.context.new_cdp_session(page)
        traffic = cls(session)
        traffic._listen()
        await session.send("Network.enable")
        return traffic

    def forget(self) -> None:
        """What was seen so far counts no more."""
        self._requests.clear()

    async def close(self) -> None:
        await self._session.detach()

    async def exchanges(self, url_part: str = "") -> list[Exchange]:
        """What was exchanged since the beginning, once all that has begun has ended.

        Raises Undecided when something does not end.
        """

        async def ended() -> bool:
            return all(events.complete for events in self._requests.values() if events.requests)

        await until(ended, seconds=SETTLING, what="the end of all that the page asked for")
        found = [one for events in self._requests.values() for one in exchanges_of(events)]
        return [one for one in found if url_part in one.url]

    def _listen(self) -> None:
        """Sort the events by request."""
        for name, keep in KEEPERS.items():
            self._session.on(f"Network.{name}", self._keeping(keep))

    def _keeping(self, keep: Any) -> Any:
        def take(event: Event) -> None:
            keep(self._requests.setdefault(event["requestId"], RequestEvents()), event)

        return take


def _failed(events: RequestEvents, event: Event) -> None:
    events.failed, events.ended = event, True
    events.ended_at = time.monotonic()


def _ended(events: RequestEvents, event: Event) -> None:
    events.ended = True


def _redirected(events: RequestEvents, event: Event) -> None:
    if answer := event.get("redirectResponse"):
        events.answers.append({"response": answer, "hasExtraInfo": event["redirectHasExtraInfo"]})
    events.requests.append(event)


def _created(events: RequestEvents, event: Event) -> None:
    request = {"method": "GET", "url": event["url"], "headers": {}}
    events.requests.append({"type": "WebSocket", "request": request})


def _upgrading(events: RequestEvents, event: Event) -> None:
    events.requests[0]["request"]["headers"] = event["request"]["headers"]


def _upgraded(events: RequestEvents, event: Event) -> None:
    events.answers.append({"response": event["response"], "hasExtraInfo": False})
    events.ended = True


def _upgrade_failed(events: RequestEvents, event: Event) -> None:
    events.failed, events.ended = {"errorText": event["errorMessage"]}, True
    if refusal := UPGRADE_REFUSED.search(event["errorMessage"]):
        answer = {"status": int(refusal[1]), "headers": {}}
        events.answers.append({"response": answer, "hasExtraInfo": False})


KEEPERS = {
    "requestWillBeSent": _redirected,
    "requestWillBeSentExtraInfo": lambda events, event: events.sent_extras.append(event),
    "responseReceivedExtraInfo": lambda events, event: events.received_extras.append(event),
    "responseReceived": lambda events, event: events.answers.append(event),
    "loadingFinished": _ended,
    "loadingFailed": _failed,
    "webSocketCreated": _created,
    "webSocketWillSendHandshakeRequest": _upgrading,
    "webSocketHandshakeResponseReceived": _upgraded,
    "webSocketFrameError": _upgrade_failed,
    "webSocketClosed": _ended,
}


def exchanges_of(events: RequestEvents) -> list[Exchange]:
    """One exchange a hop."""
    last = len(events.requests) - 1
    return [exchange_of(events, hop, is_last=hop == last) for hop in range(len(events.requests))]


def exchange_of(events: RequestEvents, hop: int, *, is_last: bool) -> Exchange:
    request = events.requests[hop]
    sent = nth(events.sent_extras, hop)
    received = nth(events.received_extras, hop)
    answer = nth(events.answers, hop).get("response", {})
    return Exchange(
        method=request["request"]["method"],
        url=request["request"]["url"],
        kind=request.get("type", ""),
        status=received.get("statusCode") or answer.get("status"),
        blocked=reason(events.failed) if is_last and events.failed else None,
        sent=lowered(sent.get("headers") or request["request"]["headers"]),
        received=lowered(received.get("headers") or answer.get("headers", {})),
        cookies=frozenset(
            one["cookie"]["name"]
            for one in sent.get("associatedCookies", [])
            if not one["blockedReasons"]
        ),
        withheld={
            one["cookie"]["name"]: " ".join(one["blockedReasons"])
            for one in sent.get("associatedCookies", [])
            if one["blockedReasons"]
        },
        refused={
            one["cookieLine"].partition("=")[0]: " ".join(one["blockedReasons"])
            for one in received.get("blockedCookies", [])
        },
        space=received.get("resourceIPAddressSpace"),
    )


def nth(events: list[Event], number: int) -> Event:
    return events[number] if number < len(events) else {}


def reason(failed: Event) -> str:
    """The rule by which Chromium failed a request, in its own word."""
    cors = failed.get("corsErrorStatus") or {}
    return str(cors.get("corsError") or failed.get("blockedReason") or failed["errorText"])


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
