"""Who may end the hub by its API, and what goes with it: what the request says, else the settings.

Why it matters: a script that updates a hub ends it over the network. Servers on other hosts go with
it or stay, and whoever meant the one and got the other has ended everybody's work, or left
processes behind.

Sources:
- JupyterHub documentation, REST API (rest-api.yml), `POST /shutdown`: "Shutdown the Hub", with
  `proxy` and `servers`: "Whether to shutdown users' notebook servers as well"; "Available scopes":
  `shutdown`, which administrators have.
- jupyterhub 6.1.1, apihandlers/hub.py, `ShutdownAPIHandler.post`: what stands in the body takes the
  place of `cleanup_servers` and `cleanup_proxy`; the answer is 202.
- app.py, `cleanup_servers`: "Whether to shutdown single-user servers when the Hub shuts down."
"""

from __future__ import annotations

import json

import pytest

from hublab.scenario import Ask, Case, LiveLab, ask, fresh_browser, user_processes

from .tokens import Token, make_token

CLEANUP = "hub.JupyterHub.cleanup_servers"
JSON = ("Content-Type", "application/json")

pytestmark = pytest.mark.topology("lab")


async def shut_down(lab: LiveLab, token: Token, **wanted: bool) -> int:
    """The status of the request."""
    headers = (("Authorization", f"token {token.text}"), JSON)
    body = json.dumps(wanted).encode()
    asked = Ask("/hub/api/shutdown", "POST", headers, body)
    return (await ask(lab, asked, fresh_browser(lab))).status


async def runs(lab: LiveLab, user: str) -> bool:
    """Whether a single-user server of a user runs, on whatever node."""
    lines = [one.command for one in await user_processes(lab, user) if "Z" not in one.state]
    return any("singleuser" in line for line in lines)


@pytest.mark.matrix(CLEANUP, [True, False])
@pytest.mark.sabotage(
    "hub.snippet", "../changes/shutdown_forgets_its_words.py", sentence="the request's word"
)
async def test_who_ends_what(lab: LiveLab, case: Case) -> None:
    """A user may not. For an administrator the request's word decides about the servers, whatever
    is set, and without one the setting does; the proxy, which is not the hub's, stays.
    """
    cleanup = case[CLEANUP] is True
    for wanted in ({"servers": not cleanup}, {}):
        await lab.spawn("alice", on="node1")
        hers, admins = await make_token(lab), await make_token(lab, "admin")
        assert await shut_down(lab, hers, servers=True) == 403
        assert await runs(lab, "alice")
        assert await shut_down(lab, admins, **wanted) == 202
        await lab.programs.until_ended("hub")
        goes = wanted.get("servers", cleanup)
        assert await runs(lab, "alice") != goes
        assert (await ask(lab, Ask("/_chp_healthz"), fresh_browser(lab))).status == 200
        await lab.forget_hub()
        await lab.programs.start("hub")
        await lab.programs.until_ready("hub")
        if not goes:
            await lab.stop("alice")
