"""A run's report: inert data, half runs, kept logs, secrets, and the runs that are kept."""

from __future__ import annotations

import base64
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from made_run import MARKUP, TEST, write_made_run
from report_reader import Elements

from hublab.cli.report import report as report_command
from hublab.cli.runs import runs as runs_command
from hublab.errors import InternalError, MachineError, UsageError
from hublab.journal.events import (
    CaseAnswered,
    FaultBegun,
    LabUp,
    Observed,
    RunEnded,
    SettingsApplied,
    Verdict,
)
from hublab.journal.file import Journal
from hublab.pytest_plugin import run_report
from hublab.pytest_plugin.evidence_store import EVIDENCE
from hublab.report import page, page_files, write
from hublab.report.bundle import write_bundle
from hublab.report.kept_runs import find_run, kept_runs, lines_of, prune_runs, read_run
from hublab.report.markdown import fenced, markdown_of, plain
from hublab.report.page import make_page, packed, streams_of
from hublab.report.page_files import PageFiles
from hublab.report.test_folders import folder_name

pytest_plugins = ("pytester", "plugin_suite")

FILES = PageFiles("document.title;", "body{}")
RUN = "20261129T150000-abcd"


def page_of(run: Path) -> str:
    return make_page(run.name, streams_of(run), FILES)


def test_a_page_carries_every_line_and_no_markup_of_it(tmp_path: Path) -> None:
    run = write_made_run(tmp_path / RUN)
    html = page_of(run)
    found = Elements(html)
    assert found.lines() == lines_of(run / "journal.ndjson")
    assert MARKUP in json.dumps([json.loads(line) for line in found.lines()])
    assert "<b>" not in html
    assert found.names.count("script") == 2
    assert "b" not in found.names


def test_a_title_with_markup_is_text() -> None:
    found = Elements(make_page(MARKUP, [], FILES))
    assert found.names.count("script") == 1
    assert "b" not in found.names


def test_only_the_pages_own_script_may_run() -> None:
    """CSP Level 3, `hash-source`: the digest is of the text between the element's tags."""
    html = make_page("a", [], FILES)
    found = Elements(html)
    (script,) = (text for attributes, text in found.scripts if not attributes)
    assert page.digest(script) in html
    assert "default-src 'none'" in html
    assert "unsafe-inline'; img" in html
    assert "script-src 'unsafe" not in html


@pytest.mark.parametrize("files", [PageFiles("a</Script>", ""), PageFiles("", "</style>")])
def test_a_page_that_ends_its_own_element_is_refused(files: PageFiles) -> None:
    with pytest.raises(InternalError, match="ends its own element"):
        make_page("a", [], files)


def test_a_long_journal_is_packed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PIECE", 3)
    pieces = list(packed("gw<0>", [f"line {n}" for n in range(7)]))
    assert len(pieces) == 3
    assert Elements("".join(pieces)).lines() == [f"line {n}" for n in range(7)]
    assert 'data-stream="gw&lt;0&gt;"' in pieces[0]


def test_a_killed_run_is_readable_to_its_last_whole_line(tmp_path: Path) -> None:
    run = write_made_run(tmp_path / RUN, ended=False)
    journal = run / "journal.ndjson"
    whole = lines_of(journal)
    with journal.open("ab") as file:
        file.write(b'{"t": 99.0, "kind": "verd\xe2')
    assert Elements(page_of(run)).lines() == whole
    half = read_run(run)
    assert not half.ended
    assert half.outcomes == {"held": 3, "failed": 1}
    assert read_run(write_made_run(tmp_path / "20261129T150001-abcd")).ended


def test_workers_journals_come_before_the_merged_one(tmp_path: Path) -> None:
    """Merged, lines no longer say whose they are (`hublab.journal.file.merge`)."""
    run = write_made_run(tmp_path / RUN)
    for worker in ("gw0", "gw1"):
        with Journal.open(run / f"journal-{worker}.ndjson", run=RUN) as journal:
            journal.write(RunEnded(RUN))
    assert [(name, len(list(lines))) for name, lines in streams_of(run)] == [("gw0", 2), ("gw1", 2)]
    assert [name for name, _ in streams_of(run / "journal.ndjson")] == [""]


def run_with_logs(folder: Path, log: str) -> Path:
    """One test from 10 to 14 s, whose hub's log was kept; the run began at 15:00:00 UTC."""
    start = {"t": 0, "kind": "run_started", "run": RUN, "wall": "2026-11-29T16:00:00+01:00"}
    verdict = Verdict("a/test_b.py::test_c[k=1]", "k=1", "failed", 4.0)
    ended = {"t": 14, "kind": "verdict", "test": verdict.test, "outcome": "failed", "seconds": 4.0}
    kept = folder / folder_name(verdict.test)
    kept.mkdir(parents=True)
    (kept / "hub.log").write_text(log)
    (folder / "journal.ndjson").write_text(f"{json.dumps(start)}\n{json.dumps(ended)}\n")
    return folder


CANARY = "c4n4ry/+?=%&-s3cr3t-of-a-user"


@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_no_secret_is_in_a_page_or_a_bundle(tmp_path: Path, before: str) -> None:
    """Whatever stands before a secret in base64: three alignments (RFC 4648, 4)."""
    run = tmp_path / RUN
    forms = {
        "raw": CANARY,
        "percent": quote(CANARY, safe=""),
        "basic": base64.b64encode(f"{before}{CANARY}:rest".encode()).decode(),
        "url safe": base64.urlsafe_b64encode(f"{before}{CANARY}".encode()).decode(),
    }
    with Journal.open(run / "journal.ndjson", run=RUN, secrets=[CANARY]) as journal:
        for key, value in forms.items():
            journal.write(Observed("request", {"asked": {key: f"x {value} y", value: 1}}))
        entry = journal.write(SettingsApplied("a", forms["basic"], "d", {}))
        assert forms["basic"] not in str(entry)
        kept = journal.redacted(" ".join(forms.values()))
        journal.write(Verdict("t", "", "failed", 0.1, kept, seen=kept))
    report, bundle = tmp_path / "report.html", tmp_path / "all.zip"
    report.write_text(page_of(run))
    write_bundle(run, report, bundle)
    with zipfile.ZipFile(bundle) as archive:
        written = [archive.read(name).decode() for name in archive.namelist()]
    inner = base64.b64encode(CANARY.encode()).decode()[4:-8]
    for text in (*written, "\n".join(Elements(report.read_text()).lines()), markdown_of(run)):
        assert CANARY not in text
        assert "s3cr3t" not in text
        assert quote(CANARY, safe="") not in text
        assert inner not in text
        assert forms["basic"][8:24] not in text
        assert forms["url safe"][8:24] not in text


def test_short_words_stay_in_base64(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j", secrets=["hub"]) as journal:
        assert journal.redacted("aHVi is no secret") == "aHVi is no secret"


def test_a_bundle_has_report_journals_logs_and_versions(tmp_path: Path) -> None:
    run = run_with_logs(tmp_path / RUN, "kept\n")
    report, bundle = run / "report.html", tmp_path / "all.zip"
    report.write_text("<p>")
    write_bundle(run, report, bundle)
    log = f"{RUN}/{folder_name('a/test_b.py::test_c[k=1]')}/hub.log"
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        assert "hublab " in archive.read(f"{RUN}/versions.txt").decode()
    assert sorted(names) == sorted(
        [f"{RUN}/journal.ndjson", f"{RUN}/report.html", f"{RUN}/versions.txt", log]
    )
    assert bundle.stat().st_mode & 0o077 == 0


def test_a_summary_says_why_in_words_that_are_no_markup(tmp_path: Path) -> None:
    run = write_made_run(tmp_path / RUN)
    text = markdown_of(run)
    assert text.startswith("## hublab: 4 held, 1 failed\n")
    assert "### failed: A server on another host is reached through the proxy." in text
    assert "seen      503\n          this node cannot reach the hub at" in text
    assert plain("<b> `x` | _y_\nz") == r"\<b\> \`x\` \| \_y\_ z"
    assert fenced("a ``` b").startswith("````text\n")


def make_runs(evidence: Path, *names: str) -> None:
    for name in names:
        (evidence / name).mkdir(parents=True)
        (evidence / name / "journal.ndjson").write_text("")


def test_a_run_is_found_by_its_name_its_beginning_a_path_or_as_the_newest(tmp_path: Path) -> None:
    one, two = "20261129T150000-aaaa", "20261129T160000-bbbb"
    make_runs(tmp_path, one, two, "matrix")
    assert find_run(tmp_path, None) == tmp_path / two
    assert find_run(tmp_path, one) == tmp_path / one
    assert find_run(tmp_path, "20261129T15") == tmp_path / one
    assert find_run(tmp_path, str(tmp_path / one)) == tmp_path / one
    journal = tmp_path / one / "journal.ndjson"
    assert find_run(tmp_path, str(journal)) == journal
    with pytest.raises(UsageError, match="2 runs begin with 2026"):
        find_run(tmp_path, "2026")
    with pytest.raises(UsageError, match="there is no run x") as refused:
        find_run(tmp_path, "x")
    assert two in str(refused.value.hint)
    with pytest.raises(UsageError, match="no run is kept here"):
        find_run(tmp_path / "nothing", None)


def test_the_oldest_runs_go_and_nothing_else(tmp_path: Path) -> None:
    names = [f"202611{day:02}T150000-aaaa" for day in range(1, 6)]
    others = ["matrix", "notes-20261101T150000-aaaa"]
    make_runs(tmp_path, *names, *others)
    (tmp_path / "20261101T150000-file").write_text("")
    assert prune_runs(tmp_path) == []
    assert prune_runs(tmp_path, 2) == names[:3]
    left = sorted(one.name for one in tmp_path.iterdir())
    assert left == sorted([*names[3:], *others, "20261101T150000-file"])
    assert [one.name for one in kept_runs(tmp_path)] == names[:2:-1]


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(write, "page_files", lambda progress: FILES)
    run = write_made_run(tmp_path / "evidence" / RUN)
    runner = CliRunner()
    listed = json.loads(runner.invoke(runs_command, ["--json"]).output)
    assert listed["most"] == 100
    (one,) = listed["runs"]
    assert (one["name"], one["outcome"], one["ended"]) == (RUN, "failed", True)
    assert one["tests"] == {"held": 4, "failed": 1}
    assert "1 failed, 4 held" in runner.invoke(runs_command, []).output
    written = runner.invoke(report_command, [])
    assert written.output.strip().endswith(str(run / "report.html"))
    assert (run / "report.html").stat().st_mode & 0o077 == 0
    options = ["-o", "x.html", "--bundle", "x.zip", "--json"]
    wanted = runner.invoke(report_command, [RUN[:10], *options])
    assert json.loads(wanted.output)["bundle"] == "x.zip"
    assert zipfile.is_zipfile("x.zip")
    assert TEST in runner.invoke(report_command, ["--markdown"]).output
    refused = runner.invoke(report_command, ["--bundle", "x.tar"])
    assert isinstance(refused.exception, UsageError)
    pruned = json.loads(runner.invoke(runs_command, ["--prune", "--keep", "0", "--json"]).output)
    assert pruned["removed"] == [RUN]
    assert not run.exists()


def test_hosts_of_several_labs_are_written_once(tmp_path: Path) -> None:
    """A run's size counts every file, as who looks for space does."""
    run = tmp_path / RUN
    with Journal.open(run / "journal.ndjson", run=RUN) as journal:
        journal.write(LabUp("a", "198.18.0.0/24", (), 1.0))
    (run / "more").write_bytes(b"0" * 1000)
    assert read_run(run).size == 1000 + (run / "journal.ndjson").stat().st_size


def test_a_run_of_pytest_names_the_old_runs_that_it_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = "20261129T150000-aaaa", "20261129T160000-bbbb"
    make_runs(tmp_path, old, new)
    monkeypatch.setattr(run_report, "prune_runs", lambda evidence: prune_runs(evidence, 1))
    said: list[str] = []
    reporter: Any = SimpleNamespace(write_line=said.append)
    evidence = SimpleNamespace(folder=tmp_path / new)
    config: Any = SimpleNamespace(stash={EVIDENCE: evidence})
    run_report.pytest_terminal_summary(reporter, config)
    assert said == [f"hublab: removed old runs: {old}"]
    run_report.pytest_terminal_summary(reporter, config)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("option", "says"),
    [("--lab-report=a.txt", "does not end in .html"), ("--lab-report=no/a.html", "no folder")],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_run(
    suite: pytest.Pytester, option: str, says: str
) -> None:
    suite.makepyfile("def test_a(): pass")
    result = suite.runpytest(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{says}*"])


def test_the_page_is_built_once_for_each_state_of_its_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "sources"
    (sources / "test").mkdir(parents=True)
    (sources / "a.ts").write_text("1")
    built: list[Path] = []

    def export(target: str, folder: Path, progress: object) -> None:
        built.append(folder)
        (folder / "page.js").write_text(f"{len(built)}")
        (folder / "page.css").write_text("")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(page_files, "SOURCES", sources)
    monkeypatch.setattr(page_files, "CARRIED", tmp_path / "wheel")
    monkeypatch.setattr(page_files, "export", export)
    said: list[str] = []
    assert page_files.page_files(said.append).script == "1"
    (sources / "test" / "a.test.ts").write_text("tests change nothing of it")
    assert page_files.page_files(said.append).script == "1"
    (sources / "a.ts").write_text("2")
    assert page_files.page_files(said.append).script == "2"
    assert len(said) == 2
    assert not any(folder.exists() for folder in built)
    (tmp_path / "wheel").mkdir()
    for name in ("page.js", "page.css"):
        (tmp_path / "wheel" / name).write_text("of the wheel")
    assert page_files.page_files(said.append).script == "of the wheel"


def test_an_installation_without_page_or_sources_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_files, "CARRIED", tmp_path)
    monkeypatch.setattr(page_files, "IS_CLONE", False)
    with pytest.raises(MachineError, match="has no page for reports"):
        page_files.page_files(print)


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    """A file with other contents, and a run of which nothing was kept where the newest is meant."""
    other = tmp_path / "file"
    other.write_bytes(b"\x7fELF\n")
    with pytest.raises(UsageError, match="no journal"):
        find_run(tmp_path, str(other))
    (tmp_path / "20261129T150000-aaaa").mkdir()
    with pytest.raises(UsageError, match="no run is kept"):
        find_run(tmp_path, None)


def test_a_summary_tells_the_case_and_the_fault(tmp_path: Path) -> None:
    """The fault of one test is not the next one's, and a matrix is a table of its answers."""
    run = tmp_path / "20261129T150000-aaaa"
    with Journal.open(run / "journal.ndjson") as journal:
        journal.write(FaultBegun("1", "partition", ("proxy", "hub")))
        for name in ("one", "two"):
            journal.write(
                Verdict(f"t.py::{name}", "a=1", "undecided", 1.0, "no answer",
                        places=(["t.py:9", "await ask()"],))
            )  # fmt: skip
    one, two = markdown_of(run).split("### ")[1:]
    assert "case      a=1" in one
    assert "fault     partition proxy hub" in one
    assert "at        t.py:9" in one
    assert "fault" not in two
    assert read_run(run).outcome == "undecided"

    matrix = tmp_path / "20261129T150001-matrix-bbbb"
    with Journal.open(matrix / "journal.ndjson") as journal:
        cell = {"short": "hidden | x", "ok": False, "detail": ""}
        journal.write(CaseAnswered("a=1", {"a": "1"}, {"origin": cell}, 1.0))
        journal.write(RunEnded("x"))
    assert "| a=1 | hidden \\| x |" in markdown_of(matrix)
    assert read_run(matrix).outcome == "answered"
