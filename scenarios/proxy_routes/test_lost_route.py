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

import time

import pytest

from hublab.scenario import (
    Answer,
    Ask,
    Case,
    LiveLab,
    answer_line,
    ask,
    credentials,
    drop_route,
    proxy_routes,
)

TORNADO = "hub.JupyterHub.tornado_settings"

pytestmark = pytest.mark.topology("lab")


async def lose_and_open(lab: LiveLab, target: str) -> tuple[Answer, float]:
    """alice's server runs, its route is taken away, and its URL is asked for: the answer, and how
    many seconds it took.
    """
    await lab.spawn("alice", on="node1")
    alice = await lab.enter(credentials(lab, "alice", token=True))
    await drop_route(lab, "/user/alice")
    begun = time.monotonic()
    answer = await ask(lab, Ask(target), alice, follow=True)
    return answer, time.monotonic() - begun


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
async def test_a_lost_route_ends_in_500_after_two_turns(lab: LiveLab) -> None:
    """A call of the server's API, with a token: two turns, 500, and nothing was mended by it."""
    answer, _ = await lose_and_open(lab, "/user/alice/api/status")
    assert answer_line(answer) == circle("/user/alice/api/status", 2)
    assert "Redirect loop detected." in answer.body.decode()
    assert "/user/alice" not in {route.spec for route in await proxy_routes(lab)}
    log = await lab.hub_log()
    assert "Redirect loop detected on /hub/user/alice/api/status?redirects=1" in log

    await (await lab.hub()).check_routes()
    assert "/user/alice" in {route.spec for route in await proxy_routes(lab)}


@pytest.mark.slow
@pytest.mark.sabotage("hub.JupyterHub.last_activity_interval", 1)
async def test_by_default_a_lost_route_takes_four_turns(lab: LiveLab, case: Case) -> None:
    """Unshortened: four turns, with waits of 14 seconds in all."""
    answer, seconds = await lose_and_open(lab, "/user/alice/api/status")
    assert answer_line(answer) == circle("/user/alice/api/status", 4)
    assert 14 < seconds < 14 + 10  # 2, 4 and 8 s; one more would be of 10 s
