"""Applications that people run behind jupyter-server-proxy, each opened and used in Chromium.

Why it matters: a page that looks right is no proof. At `/user/NAME/proxy/PORT/` an application has
a prefix that it was not told of, and what it then asks of the hub's own site it does not get. One
shows its page and loses the first click, one never gets beyond "Loading", one stays blank; each has
an option that helps.

Sources:
- jupyter-server-proxy documentation, "Accessing Arbitrary Ports or Hosts from the Browser": the
  path reaches the application without its prefix, and it has to use relative links, or be told.
- gradio documentation, "Running on your Web Server with Nginx", `root_path`; plotly's documentation
  of `dash.Dash`, `requests_pathname_prefix`; bokeh documentation, `BOKEH_RESOURCES`.
- voila documentation, "Deploying Voilà": as an extension it is at `/voila/`.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from playwright.async_api import BrowserContext, Page, Response
from yarl import URL

from hublab.scenario import (
    HUB_SITE,
    LastActivity,
    LiveLab,
    Undecided,
    last_activity,
    open_server,
    sign_in_on_page,
    until,
)

from .dashboards import LONG, PORT, dashboard, place
from .one_cell import one_cell

pytestmark = [
    pytest.mark.slow,  # a gigabyte of packages, and seconds until each has imported its own
    pytest.mark.topology("lab", "browser", "applications"),
]

PREFIX = place().path
NO_PROXY = ("server.ServerApp.jpserver_extensions", {"jupyter_server_proxy": False})
NOTEBOOK = one_cell(
    "import ipywidgets\n"
    "button, said = ipywidgets.Button(description='press'), ipywidgets.Label('not yet')\n"
    "def press(_): said.value = 'pressed'\n"
    "button.on_click(press)\n"
    "ipywidgets.VBox([button, said])\n"
)


class Shown:
    """A page, and which of its requests went to the hub's site past the application's place."""

    def __init__(self, page: Page, at: URL) -> None:
        self.page = page
        self.at = at
        self.astray: list[str] = []
        self.posts: list[str] = []
        """Those of `astray` by which a page sends what its user did."""
        self.button = page.get_by_role("button", name="press").first
        self.pressed = page.get_by_text("pressed", exact=True).first
        page.on("response", self._note)

    def _note(self, answer: Response) -> None:
        url = URL(answer.url)
        inside = url.path.startswith(self.at.path) or url.path == "/favicon.ico"
        if url.host != self.at.host or inside:
            return
        if answer.status >= 400:
            self.astray.append(url.path)
        if answer.request.method == "POST":  # the hub leads it on to where there is nothing
            self.posts.append(url.path)

    async def press(self) -> bool:
        """Whether a press brings its words; the other end is that it goes astray."""
        await self.button.wait_for(timeout=LONG * 1000)
        await self.button.click()

        async def came() -> str:
            if await self.pressed.is_visible():
                return "words"
            return "astray" if self.posts else ""

        return await until(came, what="the end of a press", seconds=LONG) == "words"


async def show(chromium: BrowserContext, at: URL) -> Shown:
    """Open an application's page in a new tab."""
    shown = Shown(await chromium.new_page(), at)
    await shown.page.goto(str(at), wait_until="commit")
    return shown


async def begin(lab: LiveLab, chromium: BrowserContext, on: str = "node1", name: str = "") -> None:
    """Alice's server runs, and she has its cookies in the browser; she signs in once."""
    await lab.spawn("alice", name, on=on)
    if not await chromium.cookies(HUB_SITE):
        page = await chromium.new_page()
        await sign_in_on_page(page, lab, HUB_SITE, "alice", then="/hub/home")
        await page.close()
    await open_server(chromium, HUB_SITE, "alice", name)


@pytest.mark.sabotage(*NO_PROXY)
@pytest.mark.parametrize("name", ["streamlit", "panel", "marimo", "shiny"])
async def test_one_that_works_as_it_is(lab: LiveLab, chromium: BrowserContext, name: str) -> None:
    """Its page comes and a press reaches it, and it asks nothing past its own place."""
    await begin(lab, chromium)
    async with dashboard(lab, name):
        shown = await show(chromium, place())
        assert await shown.press()
        assert shown.astray == []


@pytest.mark.issue("gradio-app/gradio#6739", happens=True, workaround="root_path of the prefix")
@pytest.mark.sabotage(*NO_PROXY)
async def test_one_that_loses_the_first_click(lab: LiveLab, chromium: BrowserContext) -> None:
    """gradio shows its page, and the press goes to the hub's own site; `root_path` helps."""
    await begin(lab, chromium)
    async with dashboard(lab, "gradio"):
        shown = await show(chromium, place())
        assert not await shown.press()
        assert [path for path in shown.posts if path.endswith("/queue/join")]
    async with dashboard(lab, "gradio", PREFIX.rstrip("/")):
        shown = await show(chromium, place())
        assert await shown.press()


@pytest.mark.issue("plotly/jupyter-dash#13", happens=True, workaround="requests_pathname_prefix")
@pytest.mark.sabotage(*NO_PROXY)
async def test_one_that_stays_at_loading(lab: LiveLab, chromium: BrowserContext) -> None:
    """dash asks the hub's site for its own scripts; `requests_pathname_prefix` helps."""
    await begin(lab, chromium)
    async with dashboard(lab, "dash"):
        shown = await show(chromium, place())
        await until(lambda: went_astray(shown, "/_dash-component-suites/"), what="its scripts")
        await shown.page.wait_for_load_state("networkidle")
        assert "Loading" in await shown.page.inner_text("body")
        assert not await shown.button.is_visible()
    async with dashboard(lab, "dash", PREFIX):
        assert await (await show(chromium, place())).press()


async def went_astray(shown: Shown, prefix: str) -> bool:
    """Whether a path below such a folder was asked of the hub's site in vain."""
    return any(prefix in path for path in shown.astray)


@pytest.mark.issue("jupyter-server-proxy#115", happens=True, workaround="BOKEH_RESOURCES=inline")
@pytest.mark.sabotage(*NO_PROXY)
async def test_one_that_stays_blank(lab: LiveLab, chromium: BrowserContext) -> None:
    """bokeh asks for its scripts elsewhere; `BOKEH_RESOURCES=inline` puts them into its page."""
    await begin(lab, chromium)
    async with dashboard(lab, "bokeh"):
        shown = await show(chromium, place() / "bokeh_9200")
        await shown.page.wait_for_load_state("networkidle")
        assert (await shown.page.inner_text("body")).strip() == ""
        assert not await shown.button.is_visible()
    async with dashboard(lab, "bokeh", environment={"BOKEH_RESOURCES": "inline"}):
        assert await (await show(chromium, place() / "bokeh_9200")).press()


@pytest.mark.sabotage("server.ServerApp.jpserver_extensions", {"voila.server_extension": False})
async def test_one_that_is_an_extension(lab: LiveLab, chromium: BrowserContext) -> None:
    """voila needs no port: the server itself shows a notebook as an application."""
    await begin(lab, chromium)
    alice = await lab.sign_in("alice")
    await alice.open_server()
    model = {"type": "notebook", "content": NOTEBOOK}
    await alice.api("PUT", "contents/press.ipynb", json=model)
    at = URL(HUB_SITE).with_path("/user/alice/voila/render/press.ipynb")
    assert await (await show(chromium, at)).press()


COUNTING = ("streamlit", "panel", "bokeh", "marimo", "shiny")
WATCHED = ("gradio", "dash")
QUIET = 75.0
"""Seconds: twice the longest interval of the pings of those that ping (bokeh: 37 s)."""


@pytest.mark.sabotage(*NO_PROXY)
async def test_a_page_that_nobody_touches(lab: LiveLab, chromium: BrowserContext) -> None:
    """Those that ping their pages keep the server awake, and those that do not let it be culled."""
    async with contextlib.AsyncExitStack() as stack:
        times = {}
        for number, name in enumerate((*COUNTING, *WATCHED)):
            port = PORT + number
            at = place(name, port)
            options = {"gradio": (at.path.rstrip("/"),), "dash": (at.path,)}.get(name, ())
            await begin(lab, chromium, name=name)
            inline = {"BOKEH_RESOURCES": "inline"}
            running = dashboard(lab, name, *options, port=port, environment=inline)
            await stack.enter_async_context(running)
            shown = await show(chromium, at / f"{name}_{port}" if name == "bokeh" else at)
            assert await shown.press()
            server = await lab.server("alice", name)
            assert server is not None
            times[name] = await last_activity(lab, server)
        seen = await asyncio.gather(*(moves(one) for one in times.values()))
    assert dict(zip(times, seen, strict=True)) == {
        **dict.fromkeys(COUNTING, True),
        **dict.fromkeys(WATCHED, False),
    }


async def moves(times: LastActivity) -> bool:
    """Whether the server counts activity while nobody does anything."""
    before = await times.read()

    async def moved() -> bool:
        return "server" in (await times.read()).moved_since(before)

    try:
        return await until(moved, what="activity", seconds=QUIET)
    except Undecided:
        return False
