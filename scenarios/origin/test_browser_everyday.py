"""The ordinary life in a real browser: sign in, open JupyterLab, run a cell, log out for good.

Why it matters: it is what everybody does all day, across four hosts: browser, proxy, hub and node.
And a log-out at the hub must end what the browser may do at a server on another host, which keeps
a cookie and a memory of its own.

Sources:
- JupyterHub documentation, "Technical overview": the proxy leads to the hub, which starts the
  server and sends the browser there; the server asks the hub by OAuth who has come.
- jupyterhub 6.1, handlers/base.py, `clear_login_cookie`: log-out deletes the hub's cookies, and the
  tokens that servers got for this session. handlers/login.py: `shutdown_on_logout` (False) says
  whether servers end, too.
- jupyterhub 6.1, services/auth.py, `user_for_token`: a server keeps what the hub said of a token
  for `cache_max_age` (300 s), by session and token, so that without the session's cookie it asks
  again. jupyterhub#2845 reports a server that stays open after log-out at the hub.
"""

from __future__ import annotations

import contextlib
import re

import pytest
from playwright.async_api import BrowserContext, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from hublab.scenario import (
    HUB_SITE,
    LOADING,
    Case,
    LiveLab,
    sign_in_on_page,
    until,
    until_lab_is_loaded,
)

from .browsing import NODE, USER

SHUTDOWN = "hub.JupyterHub.shutdown_on_logout"
KERNEL_IDLE = ".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status=idle]"
PRINTING = 5_000
"""Milliseconds after which a cell that prints nothing is run again."""

pytestmark = pytest.mark.topology("lab", "browser")


async def run_a_cell(page: Page, code: str) -> str:
    """Open a notebook from the launcher, type into its first cell, and read what it prints."""
    await page.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
    await page.wait_for_selector(KERNEL_IDLE, timeout=LOADING)
    await page.locator(".jp-Notebook .cm-content").first.click()
    await page.keyboard.insert_text(code)
    output = page.locator(".jp-OutputArea-output").first

    async def ran() -> bool:
        # The page shows an idle kernel before it is connected to one, and then runs nothing.
        await page.keyboard.press("Control+Enter")
        with contextlib.suppress(PlaywrightTimeout):
            await output.wait_for(state="attached", timeout=PRINTING)
        return await output.count() > 0

    await until(ran, what="what the cell prints")
    return (await output.inner_text()).strip()


async def hub_cookies(context: BrowserContext) -> set[str]:
    """What a browser sends the hub's own pages."""
    return {str(one.get("name")) for one in await context.cookies(f"{HUB_SITE}/hub/")}


@pytest.mark.matrix(SHUTDOWN, [False, True])
@pytest.mark.issue("jupyterhub#2845", happens=False)
async def test_a_user_signs_in_runs_a_cell_and_logs_out(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """Through pages alone, from the first form to the last; the kernel runs on the node."""
    await lab.spawn(USER, on=NODE)
    page = await chromium.new_page()
    await sign_in_on_page(page, lab, HUB_SITE, USER, then=f"/user/{USER}/lab")
    await until_lab_is_loaded(page)
    said = await run_a_cell(page, "import socket; print(6 * 7, socket.gethostname())")
    assert said == f"42 {NODE}"
    cookies = {str(one.get("name")) for one in await chromium.cookies(f"{HUB_SITE}/user/{USER}/")}
    assert f"jupyterhub-user-{USER}" in cookies
    assert "jupyterhub-hub-login" in await hub_cookies(chromium)

    await page.goto(f"{HUB_SITE}/hub/home")
    await page.click("#logout")
    await page.wait_for_selector("#login_submit")
    assert await hub_cookies(chromium) == {"_xsrf"}

    async def runs() -> bool:
        server = await lab.server(USER)
        return bool(server and server.ready)

    assert await runs() is not case[SHUTDOWN]
    # The server's own cookie is still there, and is worth nothing without the hub's session.
    cookies = {str(one.get("name")) for one in await chromium.cookies(f"{HUB_SITE}/user/{USER}/")}
    assert f"jupyterhub-user-{USER}" in cookies
    await page.goto(f"{HUB_SITE}/user/{USER}/lab")
    assert re.match(rf"{HUB_SITE}/hub/login\?next=", page.url)
    assert "jupyterhub-session-id" not in cookies
