"""A lab of more and more hosts, more and more cases in one lab, and the whole scenario suite."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from hublab.bench.forms import COLD
from hublab.bench.hubs import Hubs
from hublab.deployment.creation import temporary
from hublab.deployment.plan import make_plan
from hublab.errors import UsageError
from hublab.journal.file import read_journal
from hublab.journal.starts import seconds_of_starts
from hublab.paths import ROOT
from hublab.progress import silent
from hublab.running.lab import Lab
from hublab.running.live import LiveLab
from hublab.running.ready import make_ready
from hublab.settings.values import NO_SETTINGS

NAME = "bench-hosts"
SUITE = {COLD: ["--lab-cold"], "node": []}


async def up_with(nodes: int) -> dict[str, float]:
    """Seconds of `hublab up` with so many nodes, until the hub answers through the proxy."""
    begun = time.monotonic()
    plan = await asyncio.to_thread(make_plan, (), nodes)
    with temporary(plan, NAME, silent) as created:
        await make_ready(Lab.find(NAME, created.engine), NO_SETTINGS, silent)
        return {"up": time.monotonic() - begun}


async def cases_in_turn(live: LiveLab, count: int) -> dict[str, float]:
    """Seconds of so many cases one after the other, each with another value of a hub setting."""
    hubs = Hubs(live)
    begun = time.monotonic()
    for _ in range(count):
        await hubs.switch_hub()
    return {"seconds": time.monotonic() - begun}


async def suite(form: str) -> dict[str, float]:
    """Run all scenarios that are not slow, on two workers: how many cases, the seconds of the whole
    run (`seconds`), and those of all starts and restarts (`starts`).

    Raises UsageError for a form that the suite does not have.
    """
    options = suite_options(form)
    with tempfile.TemporaryDirectory() as folder:
        report, journal = Path(folder) / "report.xml", Path(folder) / "journal.ndjson"
        argv = [sys.executable, "-m", "pytest", "-q", "scenarios", "-m", "not slow", "-n", "2"]
        argv += [*options, f"--junit-xml={report}", f"--lab-journal={journal}"]
        begun = time.monotonic()
        await asyncio.to_thread(subprocess.run, argv, cwd=ROOT, stdin=subprocess.DEVNULL)
        seconds = time.monotonic() - begun
        starts = sum(seconds_of_starts(read_journal(journal)).values())
        return {**verdicts(report), "seconds": seconds, "starts": starts}


def suite_options(form: str) -> list[str]:
    """The options with which the suite starts hubs and servers in a form."""
    if form not in SUITE:
        raise UsageError("the suite has no parents of users' own", hint="--warm node")
    return SUITE[form]


def verdicts(report: Path) -> dict[str, float]:
    """How many cases a report of pytest has, and how many of them failed."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    found = {"cases": 0.0, "failed": 0.0}
    for one in suites:
        found["cases"] += int(one.get("tests", 0)) - int(one.get("skipped", 0))
        found["failed"] += int(one.get("failures", 0)) + int(one.get("errors", 0))
    return found
