"""HAR entries of exchanges whose answers are odd; tests/lab/test_capture.py has those of a lab."""

from __future__ import annotations

from dataclasses import replace

from hublab.capture.happened import Happened
from hublab.capture.har import har_of
from hublab.journal.events import Note
from hublab.journal.network import CaptureLost, Connection, Exchange

ASKED = Exchange("lab", "client", "hub", 8081, "GET", "/hub/?a=1&b=", 404, 0.5, 0, 9, "page", "hub")


def test_an_exchange_without_an_answer_has_the_status_0() -> None:
    silent = replace(ASKED, status=None, seconds=None)
    (entry,) = har_of([Happened(0.0, silent), Happened(1.0, Note("x"))])["log"]["entries"]
    assert (entry["response"]["status"], entry["time"]) == (0, 0)
    assert entry["comment"] == "no answer was seen"
    endless = replace(ASKED, seconds=None)
    (entry,) = har_of([Happened(0.0, endless)])["log"]["entries"]
    assert (entry["response"]["status"], entry["time"]) == (404, 0)
    assert entry["comment"] == "the end of the answer was not seen"


def test_times_are_milliseconds_and_dates_have_a_zone() -> None:
    (entry,) = har_of([Happened(1e9 + 0.25, ASKED)])["log"]["entries"]
    assert entry["startedDateTime"] == "2001-09-09T01:46:40.250000+00:00"
    assert (entry["time"], entry["timings"]["wait"]) == (500.0, 500.0)
    assert entry["response"]["statusText"] == "Not Found"
    assert entry["request"]["url"] == "http://hub:8081/hub/?a=1&b="
    query = [{"name": "a", "value": "1"}, {"name": "b", "value": ""}]
    assert entry["request"]["queryString"] == query


def test_a_status_that_nobody_defined_has_no_phrase() -> None:
    (entry,) = har_of([Happened(0.0, replace(ASKED, status=599))])["log"]["entries"]
    assert entry["response"]["statusText"] == ""


def test_the_log_says_what_is_left_out() -> None:
    """HAR 1.2, `log.comment`: what a viewer shows of the file as a whole."""
    tls = Connection("lab", "hub", "db", 5432, "tls", 1.0, 1, 1, "closed", "", "hub")
    lost = CaptureLost("lab", "hub", "the ring was full: nothing of the first 3 s is kept")
    comment = har_of([Happened(0.0, lost), Happened(0.0, ASKED), Happened(0.0, tls)])["log"][
        "comment"
    ]
    for part in ("bodies", "headers", "cookies", "[redacted]", "TLS", "WebSockets"):
        assert part in comment
    assert "Not captured on hub: the ring was full: nothing of the first 3 s is kept." in comment
    assert comment.endswith("Connections that have no entry: 1 of tls.")
    assert "Not captured" not in har_of([Happened(0.0, ASKED)])["log"]["comment"]
