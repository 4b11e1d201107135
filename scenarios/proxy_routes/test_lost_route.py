"""A route that is lost while its server runs: a circle between proxy and hub, then 500.

Why it matters: a proxy that restarted a moment ago, several proxies of which one lags behind, a
table that somebody edited: the hub believes in a server that the proxy knows nothing of. Users
see a page that loads for a quarter of a minute and ends with "Redirect loop detected".

Sources:
- jupyterhub/handlers/base.py, `UserUrlHandler._redirect_to_user_server`: a server that is ready
  is redirected to, `redirects` counts; waits of 2^n s up to 10; at `user_redirect_limit` (4) 500.
- JupyterHub documentation, "JupyterHub URL scheme", `/hub/user/`: "If the server is ready, it is
  assumed that the proxy has not yet registered the route. Some checks are performed and a delay
  is added before redirecting back … If something is really wrong, this can result in a redirect
  loop."
- jupyterhub#1217: too many redirects; the browser gave up before the hub did.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from hublab.cases.matrix import Case
from hublab.cases.url_table import answer_line
from hublab.probes.credentials import credentials
from hublab.probes.http import Answer, Ask, ask
from hublab.probes.proxy_api import drop_route
from hublab.probes.routes import proxy_routes
from hublab.running.hub import hub_run
from hublab.running.live import LiveLab

TORNADO = "hub.JupyterHub.tornado_settings"

pytestmark = pytest.mark.topology("lab")


async def lose_and_open(lab: LiveLab, target: str) -> Answer:
    """alice's server runs, its route is taken away, and its URL is asked for."""
    await lab.spawn("alice", on="node1")
    alice = await lab.enter(credentials(lab, "alice", token=True))
    await drop_route(lab, "/user/alice")
    return await ask(lab, Ask(target), alice, follow=True)


def circle(path: str, limit: int) -> str:
    """What the hub's code makes of a lost route: `limit` turns, then the end."""
    turns = [f"302 /hub{path} > 302 {path}?redirects=1"]
    turns += [
        f"302 /hub{path}?redirects={n} > 302 {path}?redirects={n + 1}" for n in range(1, limit)
    ]
    return " > ".join([*turns, f"302 /hub{path}?redirects={limit}", "500 html"])


@pytest.mark.matrix(TORNADO, [{"user_redirect_limit": 2}])
@pytest.mark.sabotage("hub.JupyterHub.last_activity_interval", 1)
@pytest.mark.issue(
    "jupyterhub#1217", happens=True, workaround="POST /hub/api/proxy gives the route back"
)
async def test_a_circle_that_ends(lab: LiveLab) -> None:
    """A call of the server's API, with a token: two turns, 500, and nothing was mended by it."""
    answer = await lose_and_open(lab, "/user/alice/api/status")
    assert answer_line(answer) == circle("/user/alice/api/status", 2)
    assert "Redirect loop detected." in answer.body.decode()
    assert "/user/alice" not in {route.spec for route in await proxy_routes(lab)}
    log = (await asyncio.to_thread(hub_run, lab.lab)).log
    assert "Redirect loop detected on /hub/user/alice/api/status?redirects=1" in log

    await (await lab.hub()).check_routes()
    assert "/user/alice" in {route.spec for route in await proxy_routes(lab)}


@pytest.mark.slow
@pytest.mark.sabotage("hub.JupyterHub.last_activity_interval", 1)
async def test_the_default_limit(lab: LiveLab, case: Case) -> None:
    """Unshortened: four turns with waits of 2, 4 and 8 s between them."""
    begun = time.monotonic()
    answer = await lose_and_open(lab, "/user/alice/api/status")
    assert answer_line(answer) == circle("/user/alice/api/status", 4)
    assert time.monotonic() - begun > 14
