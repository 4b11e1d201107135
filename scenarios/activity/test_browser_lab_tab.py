"""A JupyterLab tab in a real browser that nobody touches is work, for the server and for the proxy.

Why it matters: this is the most frequent reason for servers that are never culled. JupyterLab asks
the server every ten seconds what has changed, and each question counts as activity; so whoever goes
home with the tab in front keeps a server on a node all night. A tab whose server was stopped is the
other half: hundreds of them must not beat on the hub.

Sources:
- jupyterlab/jupyterlab#19796 (open): "JupyterLab constantly makes requests to the server via
  various Pollers, meaning it's never considered idle if it's open and focused".
- JupyterLab 4.6, packages/services, `KernelManager`, `SessionManager`, `TerminalManager`,
  `WorkspaceManager` and packages/filebrowser, `FileBrowserModel`: polls, ten seconds apart.
- jupyter_server 2.21, base/handlers.py, `APIHandler.finish`: any answer is activity, unless the
  request has `no_track_activity`.
- configurable-http-proxy 5.3, lib/configproxy.js, `handleProxy`: an answer below 300 is activity.
- jupyterlab/jupyterlab#15211, #17566 and jupyterhub#3636: tabs that go on asking after a stop.
- jupyterhub/handlers/base.py, `UserUrlHandler`: 424, or 503 by
  `use_legacy_stopped_server_status_code`.

What the hub hears of it: test_who_reports.py. A page without scripts: test_idle_tab.py.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from playwright.async_api import BrowserContext, Page

from hublab.scenario import (
    HUB_SITE,
    Case,
    LiveLab,
    last_activity,
    sign_in_on_page,
    until,
    until_lab_is_loaded,
)

DEFAULT_URL = "hub.Spawner.default_url"
LEGACY = "hub.JupyterHub.use_legacy_stopped_server_status_code"
LAB, NO_LAB = "/lab", "/api/status"
POLLS = frozenset({"api/kernels", "api/sessions", "api/terminals", "api/contents"})
LAST_ROUND = POLLS - {"api/contents"} | {"lab/api/workspaces"}
"""What is asked together, and once more after a stop; the file browser asks for itself."""
QUIET = 15.0
"""Seconds: JupyterLab asks every ten."""

pytestmark = [
    pytest.mark.topology("lab", "browser"),
    # Nobody reports and nobody copies: what moves has seen it itself.
    pytest.mark.matrix("hub.JupyterHub.last_activity_interval", [0]),
    pytest.mark.matrix("hub.Spawner.environment", [{"JUPYTERHUB_ACTIVITY_INTERVAL": "0"}]),
]


def asked_of(page: Page) -> list[tuple[int, str]]:
    """What a page asks from now on: status and path below the user's, as the answers come."""
    asked: list[tuple[int, str]] = []

    def note(status: int, url: str) -> None:
        asked.append((status, urlsplit(url).path.partition("/user/alice/")[2]))

    page.on("response", lambda answer: note(answer.status, answer.url))
    return asked


@pytest.mark.issue(
    "jupyterlab/jupyterlab#19796",
    happens=True,
    workaround="none in JupyterLab 4.6 but to close the tab",
)
@pytest.mark.matrix(DEFAULT_URL, [LAB, NO_LAB])
async def test_an_untouched_tab_is_activity_to_server_and_proxy(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """Never culled: a page is opened and left alone, JupyterLab, or one that asks nothing."""
    server = await lab.spawn("alice", on="node1")
    times = await last_activity(lab, server)
    page = await chromium.new_page()
    await sign_in_on_page(page, lab, HUB_SITE, "alice", then="/user/alice/")
    if case[DEFAULT_URL] == LAB:
        await until_lab_is_loaded(page)
    before = await times.read()
    asked = asked_of(page)

    async def all_polls() -> bool:
        return {path for _, path in asked} >= POLLS

    if case[DEFAULT_URL] == LAB:
        await until(all_polls, what="an answer to each question")
        assert (await times.read()).moved_since(before) == {"server", "proxy"}
    else:
        await asyncio.sleep(QUIET)
        assert (await times.read()).moved_since(before) == set()
        assert asked == []


@pytest.mark.slow
@pytest.mark.issue(
    "jupyterlab/jupyterlab#15211", happens=False, workaround="its polls stand by since #17567"
)
@pytest.mark.matrix(LEGACY, [False, True])
async def test_a_tab_of_a_stopped_server_stops_asking(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """One round of questions is refused, the tab says so, and then asks no more."""
    await lab.spawn("alice", on="node1")
    page = await chromium.new_page()
    await sign_in_on_page(page, lab, HUB_SITE, "alice", then="/user/alice/lab")
    await until_lab_is_loaded(page)
    await lab.stop("alice")
    asked = asked_of(page)
    await page.wait_for_selector("text=is not running. Would you like to restart it?")
    refused = 503 if case[LEGACY] else 424

    async def answered() -> bool:
        return {path for status, path in asked if status == refused} >= LAST_ROUND

    await until(answered, what="a refusal of each question")
    assert [path for path in LAST_ROUND if asked.count((refused, path)) != 1] == []
    asked.clear()
    await asyncio.sleep(QUIET)
    assert asked == []
