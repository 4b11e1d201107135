"""The fixture `chromium`: a person's browser on a host of the lab, without cookies.

For tests whose topology has the overlay browser.yaml. Chromium is connected to once for each lab;
each test has a context of its own in it, which costs next to nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:  # collecting tests needs neither Docker nor Playwright
    from playwright.async_api import Browser, BrowserContext

    from hublab.cases.labs import Labs
    from hublab.running.lab import Lab
    from hublab.running.live import LiveLab

Connect = Callable[["Lab"], Awaitable["Browser"]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _browsers(_labs: Labs) -> AsyncIterator[Connect]:
    """Chromium of each lab, connected to when first asked for, let go before the lab ends."""
    from hublab.running.browser import open_browser

    opened: dict[str, Browser] = {}
    async with contextlib.AsyncExitStack() as stack:

        async def connected(lab: Lab) -> Browser:
            known = opened.get(lab.name)
            if known is None or not known.is_connected():
                known = opened[lab.name] = await stack.enter_async_context(open_browser(lab))
            return known

        yield connected


@pytest_asyncio.fixture(loop_scope="session")
async def chromium(lab: LiveLab, _browsers: Connect) -> AsyncIterator[BrowserContext]:
    """A context without cookies, in a browser that holds no certificate against anybody."""
    from hublab.running.browser import LOADING

    browser = await _browsers(lab.lab)
    context = await browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(LOADING)
    try:
        yield context
    finally:
        await context.close()
