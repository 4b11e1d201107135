"""The fixture `chromium`: a browser context without cookies, in a browser on a host of the lab.

For tests whose topology has the overlay browser.yaml. Each lab has one connection to Chromium. Each
test gets its own context in it, which is cheap.
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
    """Connections to each lab's Chromium, opened on first use and closed before the lab."""
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
    """A context without cookies, which ignores certificate errors."""
    from hublab.running.browser import LOADING

    browser = await _browsers(lab.lab)
    context = await browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(LOADING)
    try:
        yield context
    finally:
        await context.close()
