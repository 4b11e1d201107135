"""What the reader of a report waits for, in a lab's Chromium: that it opens, and for a filter."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from playwright.async_api import Browser

from hublab.bench.measure import Part
from hublab.engine.records import File
from hublab.journal.events import LabUp, RunEnded, SettingsApplied, Verdict
from hublab.journal.file import Journal
from hublab.journal.network import Exchange
from hublab.progress import Progress
from hublab.report.page import make_page, streams_of
from hublab.report.page_files import page_files
from hublab.running.browser import PAGES
from hublab.running.live import LiveLab

CASES, EXCHANGES = 200, 250
"""Cases of the report that is measured, and the exchanges of each."""
HOSTS = ("client", "proxy", "hub", "node1", "node2")
KEY = "hub.JupyterHub.hub_connect_ip"
LONG, SHORT = "long.html", "short.html"
READY = "html[data-ready]"
FILTER = """async (words) => {
  const sequence = document.querySelector("section[aria-labelledby=sequence]");
  const field = sequence.querySelector("input");
  const status = sequence.querySelector("[role=status]");
  const frame = () => new Promise((next) => requestAnimationFrame(next));
  const before = status.textContent;
  const begun = performance.now();
  field.value = words;
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  while (status.textContent === before) await frame();
  await frame();
  return performance.now() - begun;
}"""
LOOP = """async (words) => {
  const texts = Array.from({ length: 50000 }, (_, n) => `client proxy GET /user/a/api/${n} 200`);
  const begun = performance.now();
  const found = texts.filter((text) => text.toLowerCase().includes(words));
  await new Promise((next) => requestAnimationFrame(next));
  return performance.now() - begun + 0 * found.length;
}"""
"""The least that a filter could do: look into each text, and draw once."""


class Reports:
    """A report of 200 cases with 50,000 exchanges, beside one of a single exchange."""

    def __init__(self, live: LiveLab, browser: Browser) -> None:
        """`prepare` comes first."""
        self._live = live
        self._browser = browser

    async def prepare(self, progress: Progress) -> None:
        """Put three reports on the browser's host: long, short, and one case with all exchanges."""
        files = page_files(progress)
        host = self._live.one("browser").service
        sizes = {LONG: (CASES, EXCHANGES), SHORT: (1, 1), "case.html": (1, CASES * EXCHANGES)}
        made = [
            File(name, make_page(name, run_of(*size), files).encode(), 0o644)
            for name, size in sizes.items()
        ]
        await self._live.put_files(host, PAGES, made)

    def parts(self) -> list[Part]:
        return [
            Part(
                "report-open",
                "open a report of 50,000 exchanges",
                "open a report of one",
                partial(self._open, LONG),
                partial(self._open, SHORT),
            ),
            Part(
                "report-filter",
                "filter the 50,000 exchanges of a case",
                "a loop over as many texts",
                partial(self._evaluate, FILTER),
                partial(self._evaluate, LOOP),
            ),
        ]

    async def _open(self, name: str) -> float:
        """Seconds until a report can be used."""
        async with await self._browser.new_context() as context:
            page = await context.new_page()
            await page.goto(f"file://{PAGES}/{name}")
            await page.wait_for_selector(READY)
            return float(await page.evaluate("performance.now()")) / 1000

    async def _evaluate(self, script: str) -> float:
        """Seconds that a script measured in a case of 50,000 exchanges."""
        async with await self._browser.new_context() as context:
            page = await context.new_page()
            await page.goto(f"file://{PAGES}/case.html#/case/0")
            await page.wait_for_selector(READY)
            return float(await page.evaluate(script, "api/77")) / 1000


def run_of(cases: int, exchanges: int) -> Iterator[tuple[str, list[str]]]:
    """The stream of a made run, each of its exchanges another one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.ndjson"
        with Journal.open(path, run="made") as journal:
            hosts = tuple({"name": one, "role": one, "address": ""} for one in HOSTS)
            journal.write(LabUp("made", "", hosts, 1.0))
            for number in range(cases):
                write_case(journal, f"{KEY}=host{number}", exchanges)
            journal.write(RunEnded("made"))
        yield from ((name, list(lines)) for name, lines in streams_of(path))


def write_case(journal: Journal, case: str, exchanges: int) -> None:
    """One case with its exchanges."""
    journal.write(SettingsApplied("made", case, "", {KEY: case}))
    for n in range(exchanges):
        source, target = HOSTS[n % 4], HOSTS[n % 4 + 1]
        path = f"/user/{case[-4:]}/api/{n * 7919 % 100_003}"
        event = Exchange("made", source, target, 1, "GET", path, 200, 0.01, 0, n, "poll", target)
        journal.write(event)
    journal.write(Verdict(f"test_made.py::test_it[{case}]", case, "held", 0.0))
