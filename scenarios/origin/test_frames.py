"""A page elsewhere may show JupyterHub in a frame only if hub and server both say so.

Why it matters: a portal on another host embeds notebooks in a frame. The way there leads through
pages of the hub (sign-in, spawn), so that one of two settings leaves an empty frame at the first
redirect, and the two are set in different files on different hosts.

Sources:
- jupyterhub/handlers/base.py, `content_security_policy`: "Change default frame-ancestors from
  'self' to 'none'" (4.1); `set_default_headers`: tornado_settings['headers'] in its place.
- jupyterhub/singleuser/extension.py, `initialize`: "set default CSP to prevent iframe embedding
  across jupyterhub components": `frame-ancestors 'none'` where the server's own settings say
  nothing; jupyter_server's own default is 'self' (base/handlers.py).
- jupyterhub#379: "The single user notebook servers will also need the Content Security Policy set".
- CSP level 3: `frame-ancestors` is checked for every page in the frame, redirects included.
"""

from __future__ import annotations

import re

import pytest

from hublab.scenario import Answer, Ask, Case, LiveLab, ask, credentials

HUB = "hub.JupyterHub.tornado_settings"
SERVER = "server.ServerApp.tornado_settings"
APP = "http://app.lab"
FRAMED = {"headers": {"Content-Security-Policy": f"frame-ancestors 'self' {APP}"}}
HUB_PAGES = ("/hub/login", "/hub/home", "/hub/api/", "/hub/no-such-page")
SERVER_PAGES = ("/user/alice/lab", "/user/alice/api/contents", "/user/alice/no-such-page")

pytestmark = pytest.mark.topology("lab")


def frame_ancestors(answer: Answer) -> str:
    """Who may frame an answer, "" where it says nothing; of several headers each one counts."""
    policies = [v for k, v in answer.headers if k.lower() == "content-security-policy"]
    parts = [part.strip() for part in re.split("[;,]", ";".join(policies))]
    named = [part for part in parts if part.startswith("frame-ancestors")]
    return " and ".join(part.removeprefix("frame-ancestors").strip() for part in named)


@pytest.mark.matrix(HUB, [{}, FRAMED])
@pytest.mark.matrix(SERVER, [{}, FRAMED])
@pytest.mark.issue("jupyterhub#379", happens=True, workaround="the same header on hub and servers")
@pytest.mark.issue(
    "jupyterhub#4823", happens=True, workaround="frame-ancestors 'self' on the server"
)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/second_policy.py", sentence="hub and server each by its own setting"
)
async def test_nobody_may_frame_by_default(lab: LiveLab, case: Case) -> None:
    """Refused in a frame (iframe): hub and server each by its own setting, and by default."""
    await lab.spawn("alice")
    async with credentials(lab, "alice", server="") as who:
        seen = {page: frame_ancestors(await ask(lab, Ask(page), who)) for page in PAGES}
    expected = {
        page: f"'self' {APP}" if case[setting] == FRAMED else "'none'"
        for setting, pages in ((HUB, HUB_PAGES), (SERVER, SERVER_PAGES))
        for page in pages
    }
    assert seen == expected


PAGES = (*HUB_PAGES, *SERVER_PAGES)
