"""A real Chromium on a host of the lab, driven from here by Playwright.

The overlay browser.yaml adds the host. Playwright's own server runs there; its port is published
on this machine's loopback, and its path is a secret of the lab. The browser runs in the lab's
network: what it opens, it opens from its own address, by the names that hosts have there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import tenacity
from playwright.async_api import (
    Browser,
    BrowserContext,
    Frame,
    Page,
    Playwright,
    async_playwright,
)
from playwright.async_api import Error as PlaywrightError

from hublab.engine.records import File
from hublab.errors import HubError, LabError
from hublab.paths import ETC
from hublab.running.lab import Lab
from hublab.running.live import LiveLab
from hublab.running.sign_in import ADMIN, password_of

SERVER_PORT = 3000
STARTING = 30.0
"""Seconds that Chromium may take from its host's start until it can be driven."""
PAGES = "/srv"
"""Where a host of the role `page` has its files."""
HUB_SITE = "http://hub.lab:8000"
"""The proxy as the overlay's pages name it."""
OTHER_SITE = "http://app.lab"
"""Pages of a site that is not the hub's."""
SAME_SITE = "http://app.hub.lab"
"""Pages of the hub's own site, and of another origin."""


LOADING = 90_000
"""Milliseconds for JupyterLab's megabytes of script on a machine that does much else."""


@contextlib.asynccontextmanager
async def open_browser(lab: Lab) -> AsyncIterator[Browser]:
    """Drive the lab's Chromium; what was opened in it is closed at the end.

    Raises LabError when the lab has no browser or it cannot be driven.
    """
    endpoint = endpoint_of(lab)
    async with async_playwright() as playwright:
        try:
            browser = await connect(playwright, endpoint)
        except PlaywrightError as error:
            raise LabError(
                f"Chromium cannot be driven: {error.message.splitlines()[0]}",
                where=lab.one("browser").service,
                hint="`hublab logs` of that host shows its last output",
            ) from error
        try:
            yield browser
        finally:
            await browser.close()


def endpoint_of(lab: Lab) -> str:
    """Where Playwright's server listens for this machine. Raises LabError."""
    if not lab.of_role("browser"):
        raise LabError(
            f"lab {lab.name} has no host with the role browser",
            hint="the overlay compose/browser.yaml: -f compose/lab.yaml -f compose/browser.yaml",
        )
    host = lab.one("browser")
    path = lab.output(host.service, "cat", f"{ETC}/browser_path").strip()
    return f"ws://127.0.0.1:{host.ports[SERVER_PORT]}/{path}"


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(PlaywrightError),
    stop=tenacity.stop_after_delay(STARTING),
    wait=tenacity.wait_fixed(0.2),
    reraise=True,
)
async def connect(playwright: Playwright, endpoint: str) -> Browser:
    """Connect as soon as the server listens."""
    return await playwright.chromium.connect(endpoint)


async def sign_in_on_page(
    page: Page, live: LiveLab, origin: str, user: str, then: str = ""
) -> None:
    """Sign in at the hub's own page, as a person does; ends where the hub then leads to.

    `origin` is the hub as the browser names it, `then` the path asked for, without which the hub
    starts a server. Raises HubError when the hub refuses.
    """
    query = f"?{urlencode({'next': then})}" if then else ""
    await page.goto(f"{origin}/hub/login{query}")
    await send_login(page, live, user)
    if "/hub/login" in page.url:
        words = await page.locator(".login_error").all_inner_texts()
        raise HubError(f"{user} could not sign in: {' '.join(words)}", where=page.url)


async def until_lab_is_loaded(page: Page) -> None:
    """Wait until a page that leads to JupyterLab shows its launcher."""
    await page.wait_for_selector(".jp-Launcher", timeout=LOADING)


async def send_login(form: Page | Frame, live: LiveLab, user: str) -> None:
    """Fill in the hub's form where it is shown and send it, whatever comes of it."""
    password = await asyncio.to_thread(lambda: password_of(live.lab, admin=user == ADMIN))
    await form.fill("#username_input", user)
    await form.fill("#password_input", password)
    async with form.expect_navigation():
        await form.click("#login_submit")


async def open_server(context: BrowserContext, origin: str, user: str, server: str = "") -> None:
    """Visit a user's server, so that it gives this context its cookies; JupyterLab stays unloaded.

    Raises HubError when the chain of redirects does not end at the server.
    """
    page = await context.new_page()
    try:
        # A file that is not there: a small page, for which the server wants to know who asks.
        place = f"{origin}/user/{user}/{server + '/' if server else ''}files/none"
        answer = await page.goto(place)
        if answer is None or answer.status != 404 or page.url != place:
            said = answer.status if answer else "nothing"
            raise HubError(f"{user}'s server did not open: {said}", where=page.url)
    finally:
        await page.close()


async def put_page(live: LiveLab, host: str, name: str, html: str) -> None:
    """Put a page on a host of the role `page`, where everybody may read it."""
    await live.put_files(host, PAGES, [File(name, html.encode())])


ELSEWHERE = "<!doctype html><title>elsewhere</title><h1>A page of another origin</h1>"


async def put_elsewhere(live: LiveLab) -> None:
    """Put a page on each host of the role `page`, for scripts to start from."""
    for host in live.of_role("page"):
        await put_page(live, host.service, "index.html", ELSEWHERE)
