"""`hublab capture` refuses what it could not do at its end, and prints what was seen as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from hublab.capture.happened import Happened
from hublab.cli.capture import capture, cells, report_losses, show
from hublab.errors import UsageError
from hublab.journal.events import Note
from hublab.journal.network import CaptureLost, Connection, Exchange

REQUEST = Exchange(
    "lab", "client", "hub", 8081, "GET", "/hub/", 200, 0.0123, 1, 50, "page", "client"
)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--har", "no/x.har"), "there is no folder"),
        (("--pcap", "no/packets"), "there is no folder"),
        (("--for", "100m"), "a capture cannot last 6000 s"),
    ],
)
def test_what_could_not_be_done_is_refused_first(
    argv: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(capture, argv)
    assert isinstance(done.exception, UsageError)
    assert said in done.exception.message


def test_one_line_a_hop() -> None:
    assert cells(REQUEST) == ("client", "hub:8081", "GET /hub/", "200", "12 ms", "51", "page")
    shell = Connection("lab", "hub", "node1", 22, "ssh", None, 5, 6, "open", "", "hub")
    assert cells(shell) == ("hub", "node1:22", "ssh", "open", "", "11", "")


def test_markup_in_a_path_stays_text(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/user/[bold]alice[/bold]/<b>?x=[redacted]"
    odd = Exchange("lab", "client", "hub", 8081, "GET", path, None, None, 0, 0, "", "client")
    show(1.0, [Happened(2.5, odd)])
    shown = capsys.readouterr().out
    assert path in shown
    assert "1.500" in shown
    assert "none" in shown


def test_what_was_lost_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    report_losses(
        [
            Happened(1.0, CaptureLost("lab", "hub", "the ring was full")),
            Happened(1.0, Note("two do not agree", {"differ": ["GET /hub/: seen on hub alone"]})),
        ]
    )
    shown = capsys.readouterr().err
    assert "not captured on hub: the ring was full" in shown
    assert "  GET /hub/: seen on hub alone" in shown
