"""What JupyterLab's page adds, in Chromium: a widget's round trip, a question before it overwrites.

Why it matters: a slider is two WebSockets and three hosts away from the variable that it moves. And
of two who save one file it is the page that asks, so that everything but a page overwrites.

Sources:
- ipywidgets documentation, "Low Level Widget Explanation": a comm's messages keep the model in
  kernel and page the same, whichever of the two changes it.
- JupyterLab, packages/docregistry/src/context.ts, `_maybeSave`, `_timeConflict`: the page asks for
  the file's model before it saves; a time later by more than `lastModifiedCheckMargin` (500 ms) is
  the dialog "File Changed", with Revert and Overwrite.
- jupyterlab/jupyterlab#2561: "Check that notebook was changed before saving".
"""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page, expect

from hublab.scenario import HUB_SITE, LOADING, LiveLab, Visitor, sign_in_on_page, until

from .one_cell import one_cell
from .pages import page as kernel_page
from .pages import visit

pytestmark = pytest.mark.topology("lab", "browser", "payloads")

LONG = 60_000
"""Milliseconds for what a page does by itself."""
SLIDER = """\
import ipywidgets
slider = ipywidgets.IntSlider(value=3, min=0, max=10)
slider
"""
NOTEBOOK = one_cell(SLIDER)


async def open_in_lab(chromium: BrowserContext, lab: LiveLab, name: str) -> Page:
    """JupyterLab with a file of alice's."""
    page = await chromium.new_page()
    await sign_in_on_page(page, lab, HUB_SITE, "alice", then=f"/user/alice/lab/tree/{name}")
    return page


@pytest.mark.sabotage("server.MappingKernelManager.allowed_message_types", ["kernel_info_request"])
async def test_a_slider_and_its_variable(lab: LiveLab, chromium: BrowserContext) -> None:
    """A key in the browser changes the variable on the node, and the variable moves the slider."""
    alice, server = await visit(lab, "alice")
    model = {"type": "notebook", "content": NOTEBOOK}
    await alice.api("PUT", "contents/slider.ipynb", json=model)
    page = await open_in_lab(chromium, lab, "slider.ipynb")
    await page.wait_for_selector(".jp-CodeCell .cm-content", timeout=LOADING)

    async def kernel() -> str:
        sessions = await alice.api("GET", "sessions")
        idle = [one["kernel"] for one in sessions if one["kernel"]["execution_state"] == "idle"]
        return str(idle[0]["id"]) if idle else ""

    kernel_id = await until(kernel, what="the notebook's kernel is idle")
    await page.click(".jp-CodeCell .cm-content")
    await page.keyboard.press("Shift+Enter")
    handle = page.locator(".jp-OutputArea .widget-slider .noUi-handle")
    shown = page.locator(".jp-OutputArea .widget-readout")
    await expect(shown).to_have_text("3", timeout=LONG)
    await handle.focus()
    await page.keyboard.press("ArrowRight")
    async with kernel_page(alice, server, kernel_id) as tab:

        async def moved() -> bool:
            return (await tab.show("print(slider.value)")).stdout == "4\n"

        await until(moved, what="the variable has the slider's value")
        await tab.show("slider.value = 9")
    await expect(shown).to_have_text("9", timeout=LONG)


async def content(visitor: Visitor) -> str:
    """What the file is on the node."""
    return str((await visitor.api("GET", "contents/notes.txt"))["content"])


@pytest.mark.issue("jupyterlab/jupyterlab#2561", happens=False, workaround="JupyterLab's page asks")
@pytest.mark.sabotage("server.ServerApp.root_dir", "/")
async def test_the_page_asks_before_it_overwrites(lab: LiveLab, chromium: BrowserContext) -> None:
    """Somebody else has saved the file since: nothing is lost until the page is told to."""
    alice, _ = await visit(lab, "alice")
    file = {"type": "file", "format": "text"}
    await alice.api("PUT", "contents/notes.txt", json={**file, "content": "start"})
    page = await open_in_lab(chromium, lab, "notes.txt")
    editor = page.locator(".jp-FileEditor .cm-content")
    await expect(editor).to_have_text("start", timeout=LOADING)
    await alice.api("PUT", "contents/notes.txt", json={**file, "content": "theirs"})
    await editor.click()
    await page.keyboard.type("mine ")
    await page.keyboard.press("Control+s")
    dialog = page.locator(".jp-Dialog")
    await expect(dialog).to_contain_text("has changed on disk", timeout=LONG)
    assert await content(alice) == "theirs"
    await dialog.get_by_role("button", name="Overwrite").click()

    async def overwritten() -> bool:
        return "mine" in await content(alice)

    await until(overwritten, what="the page has saved")
