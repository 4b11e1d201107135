"""JupyterLab's page after its gateway was started anew: the next cell runs, without its variables.

Why it matters: a gateway that is updated at night takes the kernels of every open notebook along.
The page asks nobody: whoever comes back in the morning and runs a cell gets a new kernel, and what
the cells above have made is not there.

Sources:
- jupyter_server 2.21, gateway/managers.py, `list_kernels`: a kernel that the gateway does not list
  any more is taken for culled.
- JupyterLab 4.6, packages/apputils/src/sessioncontext.tsx: a session that is gone leaves "No
  Kernel"; packages/notebook/src/cellexecutor.ts, `runCell`: `hasNoKernel`, then `startKernel`.
- What a page without JupyterLab sees of it: test_gateway.py.
"""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, expect

from hublab.scenario import HUB_SITE, LOADING, LiveLab, sign_in_on_page

from .kernel_gateway import ADDRESS, LISTS, gateway
from .one_cell import one_cell
from .pages import visit

pytestmark = pytest.mark.topology("lab", "browser", "payloads")

URL = "server.GatewayClient.url"
LONG = 60_000
"""Milliseconds for what a page does by itself: it asks for sessions every ten seconds."""
COUNTS = "n = globals().get('n', 0) + 1; print('run', n)"


@pytest.mark.slow
@pytest.mark.matrix(URL, [ADDRESS])
@pytest.mark.sabotage(URL, "")
async def test_the_next_cell(lab: LiveLab, chromium: BrowserContext) -> None:
    """It runs in a new kernel, and the page asks nothing; it has said "No Kernel" until then."""
    async with gateway(lab, LISTS) as other:
        alice, _ = await visit(lab, "alice")
        model = {"type": "notebook", "content": one_cell(COUNTS)}
        await alice.api("PUT", "contents/counts.ipynb", json=model)
        page = await chromium.new_page()
        lab_page = "/user/alice/lab/tree/counts.ipynb"
        await sign_in_on_page(page, lab, HUB_SITE, "alice", then=lab_page)
        kind = page.locator(".jp-NotebookPanel-toolbar .jp-KernelName")
        bar = page.locator("#jp-main-statusbar")
        await expect(bar).to_contain_text("Python 3 (ipykernel) | Idle", timeout=LOADING)
        await page.click(".jp-CodeCell .cm-content")
        output = page.locator(".jp-OutputArea-output")
        for run in ("run 1\n", "run 2\n"):
            await page.keyboard.press("Control+Enter")
            await expect(output).to_have_text(run, timeout=LONG)
        await other.kill()
        await other.start(LISTS)
        await expect(kind).to_contain_text("No Kernel", timeout=LONG)
        await page.keyboard.press("Control+Enter")
        await expect(output).to_have_text("run 1\n", timeout=LONG)
        await expect(kind).to_contain_text("Python 3")
        await expect(page.locator(".jp-Dialog")).to_have_count(0)
