"""What Chromium did on the wire for a page, whatever it let the page know of it.

A page that asks another origin learns an answer or "Failed to fetch". Chromium itself knows more
and tells it over the DevTools protocol, domain Network: the status that came, the preflight before
it, the cookies that it sent and withheld, and by which rule it kept the answer from the page.
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
"""Seconds within which a request that the page has given up or got is told in full."""
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
class _Told:
    """The events of one request: several of each where it was redirected."""

    wills: list[Event] = field(default_factory=list)
    sents: list[Event] = field(default_factory=list)
    receiveds: list[Event] = field(default_factory=list)
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
        if self.kept_from_page and not self.receiveds:
            # The page's process tells of the failure, another one of the answer: in any order.
            return self.ended and time.monotonic() - self.ended_at > LATE
        answered = all(one.get("hasExtraInfo", True) is False for one in self.answers)
        return self.ended and (answered or len(self.receiveds) >= len(self.answers))


class Traffic:
    """The requests of one page, of its workers and of frames of its own site. Use `of`."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        self._told: dict[str, _Told] = {}

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
        self._told.clear()

    async def close(self) -> None:
        await self._session.detach()

    async def exchanges(self, url_part: str = "") -> list[Exchange]:
        """What was exchanged since the beginning, once all that has begun has ended.

        Raises Undecided when something does not end.
        """

        async def ended() -> bool:
            return all(told.complete for told in self._told.values() if told.wills)

        await until(ended, seconds=SETTLING, what="the end of all that the page asked for")
        found = [one for told in self._told.values() for one in exchanges_of(told)]
        return [one for one in found if url_part in one.url]

    def _listen(self) -> None:
        """Sort the events by request."""
        for name, keep in KEEPERS.items():
            self._session.on(f"Network.{name}", self._keeping(keep))

    def _keeping(self, keep: Any) -> Any:
        def take(event: Event) -> None:
            keep(self._told.setdefault(event["requestId"], _Told()), event)

        return take


def _failed(told: _Told, event: Event) -> None:
    told.failed, told.ended = event, True
    told.ended_at = time.monotonic()


def _ended(told: _Told, event: Event) -> None:
    told.ended = True


def _redirected(told: _Told, event: Event) -> None:
    if answer := event.get("redirectResponse"):
        told.answers.append({"response": answer, "hasExtraInfo": event["redirectHasExtraInfo"]})
    told.wills.append(event)


def _created(told: _Told, event: Event) -> None:
    request = {"method": "GET", "url": event["url"], "headers": {}}
    told.wills.append({"type": "WebSocket", "request": request})


def _upgrading(told: _Told, event: Event) -> None:
    told.wills[0]["request"]["headers"] = event["request"]["headers"]


def _upgraded(told: _Told, event: Event) -> None:
    told.answers.append({"response": event["response"], "hasExtraInfo": False})
    told.ended = True


def _upgrade_failed(told: _Told, event: Event) -> None:
    told.failed, told.ended = {"errorText": event["errorMessage"]}, True
    if refusal := UPGRADE_REFUSED.search(event["errorMessage"]):
        answer = {"status": int(refusal[1]), "headers": {}}
        told.answers.append({"response": answer, "hasExtraInfo": False})


KEEPERS = {
    "requestWillBeSent": _redirected,
    "requestWillBeSentExtraInfo": lambda told, event: told.sents.append(event),
    "responseReceivedExtraInfo": lambda told, event: told.receiveds.append(event),
    "responseReceived": lambda told, event: told.answers.append(event),
    "loadingFinished": _ended,
    "loadingFailed": _failed,
    "webSocketCreated": _created,
    "webSocketWillSendHandshakeRequest": _upgrading,
    "webSocketHandshakeResponseReceived": _upgraded,
    "webSocketFrameError": _upgrade_failed,
    "webSocketClosed": _ended,
}


def exchanges_of(told: _Told) -> list[Exchange]:
    """One exchange a hop."""
    last = len(told.wills) - 1
    return [exchange_of(told, hop, is_last=hop == last) for hop in range(len(told.wills))]


def exchange_of(told: _Told, hop: int, *, is_last: bool) -> Exchange:
    will = told.wills[hop]
    sent = nth(told.sents, hop)
    received = nth(told.receiveds, hop)
    answer = nth(told.answers, hop).get("response", {})
    return Exchange(
        method=will["request"]["method"],
        url=will["request"]["url"],
        kind=will.get("type", ""),
        status=received.get("statusCode") or answer.get("status"),
        blocked=reason(told.failed) if is_last and told.failed else None,
        sent=lowered(sent.get("headers") or will["request"]["headers"]),
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
