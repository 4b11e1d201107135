"""`hublab capture`: who talked to whom in a lab, as the packets on its hosts say."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from hublab.capture.capture import Capture
from hublab.capture.happened import Happened
from hublab.capture.har import har_of
from hublab.capture.image import capture_image
from hublab.capture.recording import cleaner, record
from hublab.capture.ring import LONGEST
from hublab.cli.common import common, err, find, open_journal, out, secrets_of, steps, table
from hublab.cli.complete import hosts as complete_hosts
from hublab.cli.fault import Duration
from hublab.cli.json_output import emit
from hublab.cli.places import Place
from hublab.errors import UsageError
from hublab.journal.events import Note
from hublab.journal.network import CaptureLost, Connection, Exchange
from hublab.journal.private_file import write_private
from hublab.running.lab import Lab

SPARE = 60
"""Seconds that a capture may last beyond its time, for the commands that begin and end it."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""What an address may hold and a terminal would obey."""
LONG_QUERY = 40
"""Characters: a longer query is not in the table, which would be unreadable; `--json` has it."""


@click.command()
@click.option("--for", "seconds", type=Duration(), metavar="TIME", help="End after 6s, 500ms, 2m.")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="HOST",
    shell_complete=complete_hosts,
    help="Capture on this host alone; may be repeated.",
)
@click.option(
    "--har",
    type=Place(dir_okay=False),
    metavar="FILE",
    help="Also write the HTTP exchanges as HAR 1.2.",
)
@click.option(
    "--pcap",
    type=Place(file_okay=False),
    metavar="FOLDER",
    help="Also write each host's packets as HOST.pcapng: headers only, payloads are cut off.",
)
@common
def capture(
    seconds: float | None,
    hosts: tuple[str, ...],
    har: Path | None,
    pcap: Path | None,
    name: str,
    as_json: bool,
) -> None:
    """Capture what hosts say to each other, and print who to whom.

    Ctrl-C ends the capture earlier, and the result is still printed; after an hour it ends by
    itself. A line is an HTTP request with its answer on one hop, or another connection: SSH, TLS,
    WebSocket, one that was refused or that nobody answered. The last column is what a request is
    for.

    Packets stay in memory beside each host, 24 MB at most, where the newest replace the oldest.
    They are read there when the capture ends, and then forgotten. Bodies, headers and cookies are
    not shown, and secrets in addresses are redacted. TLS stays closed.

    The first capture of a lab builds an image, which takes about half a minute.

    \b
    Examples:
      hublab capture --for 20s
      hublab capture --host hub --host proxy --json
      hublab capture --for 1m --har spawn.har --pcap packets/
    """
    refuse_unwritable(har, pcap)
    if seconds is not None and not 0 < seconds <= LONGEST - SPARE:
        raise UsageError(
            f"a capture cannot last {seconds:g} s",
            where="--for",
            hint=f"at most {LONGEST - SPARE} s",
        )
    lab = find(name)
    for host in hosts:
        lab.host(host)  # before an image is built for nothing
    image = capture_image(lab, steps())
    limit = LONGEST if seconds is None else int(seconds) + SPARE
    journal = open_journal(lab, "capture")
    running = Capture.begin(lab, image, hosts, seconds=limit)
    try:
        where = "all hosts" if not hosts else ", ".join(hosts)
        err.print(f"capturing on {where} of lab {name}; Ctrl-C ends it", markup=False)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait(seconds if seconds is not None else LONGEST - SPARE)
        running.end()
        err.print("reading what was captured", markup=False)
        happened = running.read(running.begun, cleaner(secrets_of(lab)))
        record(journal, happened)
        if as_json:
            emit(as_document(lab, running.begun, happened))
        else:
            show(running.begun, happened)
        report_losses(happened)
        known = len(running.lost)
        if har:
            write(har, json.dumps(har_of(happened), indent=1).encode())
        if pcap:
            write_packets(running, pcap)
        report_losses(Happened(0.0, loss) for loss in running.lost[known:])
    finally:
        running.remove()
        journal.close()


def refuse_unwritable(har: Path | None, pcap: Path | None) -> None:
    """Raise UsageError for a file that could not be written after the capture."""
    for path, option in ((har, "--har"), (pcap, "--pcap")):
        if path and not path.absolute().parent.is_dir():
            raise UsageError(f"there is no folder {path.absolute().parent}", where=option)


def write(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read. Raises UsageError."""
    try:
        write_private(path, content)
    except OSError as error:
        raise UsageError(f"cannot write it: {error.strerror}", where=str(path)) from error


def write_packets(running: Capture, folder: Path) -> None:
    """Write the headers of each host's packets into a folder."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for host, content in running.headers(running.begun).items():
        write(folder / f"{host}.pcapng", content)
    err.print(f"packets in {folder}: headers only, their payloads were cut off", markup=False)


def as_document(lab: Lab, begun: float, happened: Iterable[Happened]) -> dict[str, Any]:
    """What `--json` prints: events as in a journal, `t` in seconds since the capture began."""
    return {
        "lab": lab.name,
        "begun": datetime.fromtimestamp(begun, UTC).isoformat(),
        "events": [
            {"t": round(t - begun, 6), "kind": event.kind, **asdict(event)} for t, event in happened
        ],
    }


def show(begun: float, happened: Iterable[Happened]) -> None:
    """The table of who talked to whom."""
    rows = table(None, "SECONDS", "FROM", "TO", "WHAT", "ANSWER", "TOOK", "BYTES", "FOR")
    for t, event in happened:
        if isinstance(event, Exchange | Connection):
            rows.add_row(f"{t - begun:.3f}", *map(escape, cells(event)))
    if rows.row_count:
        out.print(rows)
    else:
        err.print("nobody said anything", markup=False)


def cells(event: Exchange | Connection) -> Sequence[str]:
    """The cells of one line behind its time."""
    target = f"{event.target}:{event.port}"
    if isinstance(event, Exchange):
        answer = "none" if event.status is None else str(event.status)
        path, mark, query = event.path.partition("?")
        line = f"{event.method} {path}{mark}{query if len(query) <= LONG_QUERY else '…'}"
        what = CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line)
        size = str(event.request_bytes + event.response_bytes)
        return (event.source, target, what, answer, took(event.seconds), size, event.purpose)
    what = " ".join(filter(None, [event.protocol, event.detail]))
    size = str(event.sent + event.received)
    return (event.source, target, what, event.end, took(event.seconds), size, "")


def took(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.0f} ms"


def report_losses(happened: Iterable[Happened]) -> None:
    """Say on stderr what the captures could not keep, and where they do not agree."""
    for _, event in happened:
        if isinstance(event, CaptureLost):
            err.print(f"not captured on {event.host}: {event.reason}", markup=False)
        elif isinstance(event, Note):
            err.print("\n  ".join([event.text, *lines(event.data)]), markup=False)


def lines(data: Mapping[str, Any]) -> list[str]:
    return [str(one) for one in data.get("differ", ())]
