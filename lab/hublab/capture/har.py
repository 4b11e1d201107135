"""HTTP exchanges as HAR 1.2, which browsers' developer tools and many viewers read.

Bodies, headers and cookies were never kept; their lists are empty. The log's comment says what else
is missing, as what the captures could not hold. What HAR has no field for begins with an
underscore, as the specification wants it (w3c.github.io/web-performance/specs/HAR/Overview.html).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from hublab import __version__
from hublab.capture.happened import Happened
from hublab.journal.events import Event
from hublab.journal.network import CaptureLost, Connection, Exchange

LEFT_OUT = (
    "Left out by hublab: all bodies, headers and cookies (sizes are those of bodies); "
    "secrets in addresses, which read [redacted]; what TLS hides; what WebSockets carried; "
    "connections that are no HTTP; times of the single phases of an exchange."
)
UNKNOWN = -1
"""HAR's value for a size or a time that is not known."""


def har_of(happened: Iterable[Happened]) -> dict[str, Any]:
    """The exchanges among some events, as a HAR file's content."""
    known = list(happened)
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "hublab", "version": __version__},
            "entries": [entry(t, one) for t, one in known if isinstance(one, Exchange)],
            "comment": " ".join([LEFT_OUT, *missing(one.event for one in known)]),
        }
    }


def missing(events: Iterable[Event]) -> Iterable[str]:
    """What is not among the entries of this run, a sentence each."""
    closed: Counter[str] = Counter()
    for event in events:
        if isinstance(event, CaptureLost):
            yield f"Not captured on {event.host}: {event.reason}."
        elif isinstance(event, Connection):
            closed[event.protocol] += 1
    if closed:
        told = ", ".join(f"{number} of {protocol}" for protocol, number in closed.most_common())
        yield f"Connections that have no entry: {told}."


def entry(t: float, one: Exchange) -> dict[str, Any]:
    """One exchange; an answer that was not seen has the status 0, as in browsers."""
    milliseconds = 0 if one.seconds is None else round(one.seconds * 1000, 3)
    query = parse_qsl(one.path.partition("?")[2], keep_blank_values=True)
    return {
        "startedDateTime": datetime.fromtimestamp(t, UTC).isoformat(timespec="microseconds"),
        "time": milliseconds,
        "request": {
            "method": one.method,
            "url": f"http://{one.target}:{one.port}{one.path}",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "queryString": [{"name": name, "value": value} for name, value in query],
            "headersSize": UNKNOWN,
            "bodySize": one.request_bytes,
        },
        "response": {
            "status": one.status or 0,
            "statusText": phrase(one.status),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "content": {"size": one.response_bytes, "mimeType": ""},
            "redirectURL": "",
            "headersSize": UNKNOWN,
            "bodySize": one.response_bytes,
        },
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "_source": one.source,
        "_purpose": one.purpose,
        "_seen_on": one.seen_on,
        "comment": comment(one),
    }


def comment(one: Exchange) -> str:
    """What an entry cannot say of an answer that did not come, or not to its end."""
    if one.status is None:
        return "no answer was seen"
    return "" if one.seconds is not None else "the end of the answer was not seen"


def phrase(status: int | None) -> str:
    """What HTTP calls a status."""
    try:
        return "" if status is None else HTTPStatus(status).phrase
    except ValueError:
        return ""
