"""What starts cost, summed from a journal."""

from __future__ import annotations

from hublab.journal.events import Event, Note, Restarted, SpawnProgress
from hublab.journal.file import Entry
from hublab.journal.starts import seconds_of_starts


def progress(t: float, value: int | None, user: str = "alice", server: str = "") -> Entry:
    return Entry(t, SpawnProgress("lab", user, server, value, "…"))


def restart(program: str, seconds: float) -> Entry:
    return Entry(0.0, Restarted("lab", program, program, "case default", seconds))


def test_restarts_are_summed_by_program() -> None:
    entries = [restart("hub", 1.5), restart("proxy", 0.5), restart("hub", 0.25)]
    assert seconds_of_starts(entries) == {"hub": 1.75, "proxy": 0.5}


def test_servers_that_start_side_by_side() -> None:
    """Each from its first message to its last; another server of the user is another one."""
    entries = [
        progress(1, 0), progress(2, 0, "bob"), progress(2.5, 0, server="second"),
        progress(3, 40), progress(4, 100), progress(4.5, 100, "bob"),
        progress(5, 100, server="second"),
    ]  # fmt: skip
    assert seconds_of_starts(entries) == {"server": 3 + 2.5 + 2.5}


def test_a_start_without_an_end_counts_nothing() -> None:
    """Nor does it make the next one longer, nor a message that names no progress."""
    entries = [progress(1, 0), progress(2, 40), progress(60, 0), progress(60.5, None),
               progress(61, 100), progress(62, 100)]  # fmt: skip
    other: list[Event] = [Note("server started in 9 seconds")]
    assert seconds_of_starts([*entries, *(Entry(70, one) for one in other)]) == {"server": 1}
