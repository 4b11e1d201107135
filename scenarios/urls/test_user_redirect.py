"""`/user-redirect/…` is one link for everybody: each comes to the path on a server of their own.

Why it matters: a link to one's own server is no use to others, wherever the servers run. This
one works for all, starts the server first where that is needed, and keeps the query.

Sources:
- JupyterHub documentation, "JupyterHub URL scheme" (reference/urls.md), `/user-redirect/...`.
- jupyterhub/handlers/base.py, `UserRedirectHandler.get`: to `/hub/spawn/NAME?next=…`, with
  `default_server_name` to the named server.
- The same, `/hub/spawn`: with an options form (the lab's asks for the host) a form comes first.
- JupyterHub documentation, `default_server_name`: "If named servers are enabled, default name of
  server to spawn or open when no server is specified, e.g. by user-redirect."
"""

from __future__ import annotations

from urllib.parse import quote

import pytest

from hublab.scenario import Ask, Case, LiveLab, answer_line, ask, credentials

NAME = "hub.JupyterHub.default_server_name"

pytestmark = pytest.mark.topology("lab")


@pytest.mark.matrix(NAME, ["", "work"])
@pytest.mark.sabotage(
    "hub.snippet", "../changes/redirect_forgets_the_query.py", sentence="both keep the query"
)
async def test_user_redirect_leads_each_to_their_own_server(lab: LiveLab, case: Case) -> None:
    """alice has no server and gets the form that starts one, bob's runs: both keep the query."""
    name = str(case[NAME])
    tail = f"/{name}" if name else ""
    await lab.spawn("bob", name, on="node1")
    for user, end in (("alice", "200 html"), ("bob", f"302 /user/bob{tail}/lab")):
        visitor = await lab.enter(credentials(lab, user))
        first = await ask(lab, Ask("/user-redirect/lab?a=1&b=2"), visitor)
        assert first.header("Location") == "/hub/user-redirect/lab?a=1&b=2"

        second = await ask(lab, Ask("/hub/user-redirect/lab?a=1&b=2"), visitor)
        there = quote(f"/user/{user}{tail}/lab?a=1&b=2", safe="")
        assert second.header("Location") == f"/hub/spawn/{user}{tail}?next={there}"

        third = await ask(lab, Ask(str(second.header("Location"))), visitor)
        assert answer_line(third) == end
