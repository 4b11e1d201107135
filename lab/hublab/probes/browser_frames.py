"""A page shows another in a frame: whether Chromium lets it, and what the frame then is."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from playwright.async_api import Frame, Page, Response

from hublab.probes.observation import observing
from hublab.probes.waiting import until
from hublab.running.live import LiveLab

NEW_FRAME = """url => new Promise(resolve => {
  const frame = document.createElement('iframe');
  frame.width = 800; frame.height = 600; frame.onload = () => resolve(); frame.src = url;
  document.body.append(frame);
})"""
ERROR_PAGE = "chrome-error:"
REDIRECT = 300
REFUSED = re.compile(r"frame-ancestors|Refused to (?:frame|display)")
SCRIPTS = re.compile(r"/static/.*\.js")
SETTLING = 15.0
"""Seconds within which Chromium reports the end of a frame that has loaded."""
EXPLAINING = 15.0
"""Seconds within which Chromium says on the console why a frame stays empty."""


@dataclass(frozen=True, slots=True)
class Framed:
    """A frame after it has loaded, or not."""

    frame: Frame
    url: str
    """Where the chain of redirects ended, also where nothing is shown of it."""
    status: int | None
    """What was answered there."""
    shown: bool
    complaint: str
    """What Chromium said on the console if it refused to show the answer."""


async def show_in_frame(live: LiveLab, page: Page, url: str) -> Framed:
    """Add a frame to the page and wait until it has loaded; scripts of JupyterLab stay out.

    Raises Undecided when Chromium does not say what became of it.
    """
    with observing(live, "frame", {"page": page.url, "url": url}) as saw:
        framed = await load_frame(page, url)
        seen = {"url": framed.url, "status": framed.status, "shown": framed.shown}
        saw({**seen, "complaint": framed.complaint})
        return framed


async def load_frame(page: Page, url: str) -> Framed:
    """The frame, once Chromium has said what became of it."""
    complaints: list[str] = []
    answers: list[tuple[str, int]] = []
    refused, failed = asyncio.Event(), asyncio.Event()

    def listen(text: str) -> None:
        if REFUSED.search(text):
            complaints.append(text)
            refused.set()

    def note(answer: Response) -> None:
        if answer.request.is_navigation_request():
            answers.append((answer.url, answer.status))

    page.on("console", lambda message: listen(message.text))
    page.on("response", note)
    page.on("requestfailed", lambda sent: failed.set() if sent.is_navigation_request() else None)
    await page.route(SCRIPTS, lambda route: route.abort())
    await page.evaluate(NEW_FRAME, url)
    frame = page.frames[-1]

    async def settled() -> bool:
        # The page hears of the load from its own process; what a frame of another site became,
        # Chromium reports by itself, at times later: until then the frame has no URL.
        ended = failed.is_set() or (answers and not REDIRECT <= answers[-1][1] < REDIRECT + 100)
        return bool(frame.url and ended)

    await until(settled, seconds=SETTLING, what=f"what became of the frame of {url}")
    shown = not frame.url.startswith(ERROR_PAGE)
    if not shown:
        try:
            await asyncio.wait_for(refused.wait(), EXPLAINING)
        except TimeoutError:
            complaints.append("")  # refused without a reason
    last, status = answers[-1] if answers else (url, None)
    return Framed(frame, last, status, shown, complaints[-1] if complaints else "")
