"""Log lines of hosts and servers on one clock."""

from __future__ import annotations

import pytest

from hublab.journal.hosts import seconds_of
from hublab.running.log_lines import Line, host_lines, server_lines
from hublab.running.said import MOST, Log, said

NOON = 1_764_417_600.0
"""2025-11-29T12:00:00Z."""


def test_the_engines_time_in_seconds() -> None:
    assert seconds_of("2025-11-29T12:00:00.250000123Z") == NOON + 0.25
    assert seconds_of("2025-11-29T12:00:00.25Z") == NOON + 0.25
    assert seconds_of("2025-11-29T12:00:00Z") == NOON


def test_a_servers_line_of_a_wrong_clock_stays_with_the_line_before() -> None:
    """A node that is a day ahead: its lines are in their order, and not tomorrow."""
    log = "starts\n[I 2025-11-29 12:00:02.500 x] true\n[I 2025-11-30 12:00:03.000 x] ahead\nrest"
    lines = server_lines("alice's", log, NOON + 1)
    seen = list(said("lab", Log("node1", "alice", NOON + 1, NOON + 60, tuple(lines))))
    assert [(one.at - NOON, one.line.text.split("] ")[-1]) for one in seen] == [
        (1.0, "starts"),
        (2.5, "true"),
        (2.5, "ahead"),
        (2.5, "rest"),
    ]
    assert {(one.line.host, one.line.server) for one in seen} == {("node1", "alice")}


@pytest.mark.parametrize("sign", ["\r", "\x0b", "\x0c", "\x85", "\u2028"])
def test_a_line_ends_where_the_engine_ends_it(sign: str) -> None:
    """A progress bar's line is one line, and nothing in it is taken for a time."""
    text = f"2025-11-29T12:00:01.5Z a 10%{sign}20%\r\n2025-11-29T12:00:02Z next\n"
    lines = host_lines("hub", text)
    assert [(line.at, line.text) for line in lines] == [
        ("2025-11-29T12:00:01.5Z", f"a 10%{sign}20%"),
        ("2025-11-29T12:00:02Z", "next"),
    ]
    odd = [*lines, Line("20%", "hub", "no time")]
    log = Log("hub", "", NOON, NOON + 60, tuple(odd))
    assert [one.at - NOON for one in said("lab", log)] == [1.5, 2, 2]


def test_what_is_left_out_is_said() -> None:
    lines = [Line("2025-11-29T12:00:01Z", "hub", str(number)) for number in range(MOST + 5)]
    first, *rest = said("lab", Log("hub", "", NOON, NOON + 60, tuple(lines)))
    assert first.line.text == "hublab: 5 earlier lines are left out"
    assert [one.line.text for one in rest] == [str(number) for number in range(5, MOST + 5)]
    first, *_ = said("lab", Log("hub", "", NOON, NOON + 60, tuple(lines), cut=True))
    assert first.line.text == "hublab: 5 or more earlier lines are left out"
    first, _ = said("lab", Log("hub", "", NOON, NOON + 60, tuple(lines[:1]), cut=True))
    assert "earlier lines are left out: of a log" in first.line.text
    (only,) = said("lab", Log("hub", "", NOON, NOON + 60, error="no such container"))
    assert only.line.text == "hublab: this log could not be read: no such container"
