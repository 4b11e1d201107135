"""The journal: what is written is read, whole, typed, on one clock and without secrets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hublab.errors import InternalError, JournalError
from hublab.journal.events import (
    Event,
    FaultBegun,
    FaultHealed,
    LabDown,
    LabUp,
    Note,
    Observed,
    RunStarted,
    SpawnProgress,
    event,
    event_from_json,
)
from hublab.journal.file import REDACTED, Entry, Journal, merge, read_journal, write_merged

text = st.text(st.characters(codec="utf-8"))
data = st.dictionaries(text, st.none() | st.integers() | text | st.lists(text, max_size=2))
events = st.one_of(
    st.builds(Note, text, data),
    st.builds(Observed, text, data),
    st.builds(FaultBegun, text, text, st.lists(text).map(tuple), data),
    st.builds(SpawnProgress, text, text, text, st.none() | st.integers(0, 100), text),
)


@given(st.lists(events, max_size=5))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, made: list[Event]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "a" / "run.ndjson"
    with Journal.open(path, run="r1") as journal:
        written = [journal.write(one) for one in made]
    first, *rest = read_journal(path)
    assert isinstance(first.event, RunStarted)
    assert (first.t, first.event.run) == (0.0, "r1")
    assert rest == written
    assert [entry.event for entry in rest] == made
    assert [entry.t for entry in rest] == sorted(entry.t for entry in rest)


def test_a_reader_sees_lines_while_they_are_written(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j")
    journal.write(Note("one"))
    assert read_journal(tmp_path / "j")[-1].event == Note("one")
    journal.write(Note("two"), t=-1.5)
    assert read_journal(tmp_path / "j")[-1] == Entry(-1.5, Note("two"))
    journal.close()
    journal.close()
    with pytest.raises(InternalError, match="closed"):
        journal.write(Note("three"))


def test_several_threads_write_whole_lines(tmp_path: Path) -> None:
    def work(name: str) -> None:
        for number in range(50):
            journal.write(Note(name * 200, {"n": number}))

    with Journal.open(tmp_path / "j") as journal:
        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(read_journal(tmp_path / "j")) == 201


def test_a_killed_writer_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j"
    program = (
        "import os, signal, sys, pathlib\n"
        "from hublab.journal.file import Journal\n"
        "from hublab.journal.events import Note\n"
        "journal = Journal.open(pathlib.Path(sys.argv[1]))\n"
        "journal.write(Note('last words'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program, str(path)], env=env, check=False)
    assert done.returncode == -signal.SIGKILL
    assert read_journal(path)[-1].event == Note("last words")


@pytest.mark.parametrize("torn", ['{"t": 1.0, "ki', '{"t": 1.0, "kind": "note", "text": "x"}', "ü"])
def test_a_torn_last_line_is_left_out(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "j"
    with Journal.open(path) as journal:
        journal.write(Note("whole"))
    with path.open("ab") as file:
        file.write(torn.encode()[:-1])
    assert [entry.event for entry in read_journal(path)[1:]] == [Note("whole")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"t": 1.0, "ki', "Unterminated string"),
        ("[]", "not a JSON object"),
        ('{"kind": "note"}', "'t' (seconds) or 'kind' is missing"),
        ('{"t": 1, "kind": "nte", "text": "x"}', "unknown kind 'nte'"),
        ('{"t": 1, "kind": "note"}', "note lacks the field text"),
        ('{"t": 1, "kind": "note", "text": "x", "txt": "y"}', "note has no field txt"),
    ],
)
def test_any_other_broken_line_is_an_error(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "j"
    Journal.open(path).close()
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(JournalError) as caught:
        read_journal(path)
    assert reason in str(caught.value)
    assert f"where: {path}:2" in str(caught.value)


def test_a_file_that_is_not_a_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file"):
        read_journal(tmp_path / "none")
    path = tmp_path / "j"
    path.write_text('{"t": 1, "kind": "note", "text": "x"}\n')
    with pytest.raises(JournalError, match="first line must be run_started"):
        read_journal(path)
    with pytest.raises(JournalError, match="File exists"):
        Journal.open(path)


secrets = st.text(st.characters(codec="utf-8"), min_size=6, max_size=20)


@given(st.lists(secrets, min_size=1, max_size=3), data)
def test_secrets_never_reach_the_file(
    tmp_path_factory: pytest.TempPathFactory, hidden: list[str], extra: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    with Journal.open(path, secrets=hidden) as journal:
        for secret in hidden:
            seen = journal.write(
                Note(f"a{secret}b", {**extra, secret: [{"k": f"?token={secret}"}]})
            )
            assert isinstance(seen.event, Note)
            assert secret not in seen.event.text
    for entry in read_journal(path)[1:]:
        assert isinstance(entry.event, Note)
        strings = [entry.event.text, *entry.event.data, str(entry.event.data.get(REDACTED))]
        assert not [
            s for s in strings for secret in hidden if secret in s and secret not in REDACTED
        ]


def test_a_secret_that_is_a_word_of_the_form_itself(tmp_path: Path) -> None:
    """The names of an event's fields stay, so that its line can be read."""
    path = tmp_path / "journal.ndjson"
    with Journal.open(path, run="of the wall", secrets=["wall"]):
        pass
    (first,) = read_journal(path)
    assert isinstance(first.event, RunStarted)
    assert first.event.run == f"of the {REDACTED}"


def test_secrets_are_hidden_inside_urls_and_each_other(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal.open(path, secrets=["p/w d"]) as journal:
        journal.hide("p/w d, longer")
        journal.write(Note("http://h/?p=p%2Fw%20d&x p/w d, longer"))
    assert (
        json.loads(path.read_text().splitlines()[1])["text"]
        == f"http://h/?p={REDACTED}&x {REDACTED}"
    )
    with pytest.raises(InternalError):
        journal.hide("")


def test_merge_puts_journals_on_one_clock(tmp_path: Path) -> None:
    def written(name: str, wall: str, *notes: tuple[float, str]) -> Path:
        start = {"t": 0, "kind": "run_started", "run": name, "wall": wall}
        lines = [start, *({"t": t, "kind": "note", "text": text} for t, text in notes)]
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
        return tmp_path / name

    late = written("late", "2026-01-01T00:00:02+00:00", (0.5, "2.5"), (2.0, "4.0"))
    early = written("early", "2026-01-01T01:00:00+01:00", (1.0, "1.0"), (3.0, "3.0"))
    (tmp_path / "empty").write_text("")
    merged = merge([late, early, tmp_path / "empty"])
    assert [e.event.run for e in merged if isinstance(e.event, RunStarted)] == ["early", "late"]
    notes = [(e.t, e.event.text) for e in merged if isinstance(e.event, Note)]
    assert notes == [(1.0, "1.0"), (2.5, "2.5"), (3.0, "3.0"), (4.0, "4.0")]
    assert merge([]) == ()


def test_a_merged_journal_begins_with_its_beginning(tmp_path: Path) -> None:
    """Also where a host logged something before, which `at` gives the earliest time there is."""
    with Journal.open(tmp_path / "one") as journal:
        journal.write(Note("late"), t=journal.at(time.time() + 3600))
        journal.write(Note("early"), t=journal.at(time.time() - 3600))
    write_merged(merge([tmp_path / "one"]), tmp_path / "whole")
    first, early, late = read_journal(tmp_path / "whole")
    assert isinstance(first.event, RunStarted)
    assert (early.event, late.event) == (Note("early"), Note("late"))
    assert (early.t, round(late.t)) == (0.0, 3600)


def test_another_module_can_add_a_kind() -> None:
    @event("test_measured")
    @dataclass(frozen=True, slots=True)
    class Measured(Event):
        values: tuple[float, ...]

    assert event_from_json("test_measured", {"values": [1.0]}) == Measured((1.0,))
    with pytest.raises(InternalError, match="two kinds"):
        event("test_measured")(Measured)

    @dataclass(frozen=True, slots=True)
    class Timed(Event):
        t: float

    with pytest.raises(InternalError, match="field 't'"):
        event("test_timed")(Timed)


def test_events_have_defaults_and_survive_json() -> None:
    host = {"name": "hub", "role": "hub", "address": "198.18.0.10"}
    up = LabUp("lab", "198.18.0.0/24", (host,), 1.0)
    assert (
        event_from_json(
            "lab_up", {"lab": "lab", "subnet": "198.18.0.0/24", "hosts": [host], "seconds": 1.0}
        )
        == up
    )
    assert LabDown("lab", 0.5).left == ()
    assert FaultHealed("p1", 6.0, {"dropped": 4}).kind == "fault_healed"
