"""A server that is stopping or is checked: the same page as one that starts, or nearly so.

Why it matters: a stop waits for a node, a hook, a file system; a check after a restart of the hub
waits for a node that says nothing. Meanwhile the tabs of that server are open, and what they are
told decides whether their user waits, starts another one, or calls somebody.

Sources:
- JupyterHub documentation, "JupyterHub URL scheme" (reference/urls.md): `/user/:username`,
  `/hub/spawn-pending`, "Special handling of API requests".
- jupyterhub/handlers/base.py, `UserUrlHandler.get`: what is pending goes to /hub/spawn-pending.
- jupyterhub/handlers/pages.py, `SpawnPendingHandler.get`: stop_pending.html for a stop ("page could
  be pending spawn *or* stop"), spawn_pending.html for everything else.
- jupyterhub/apihandlers/users.py, `UserServerAPIHandler` and `SpawnProgressAPIHandler`.
- jupyterhub/handlers/base.py, `stop_single_user`: the route is deleted first; app.py,
  `init_spawners`: that of a server which is being checked is kept.
- The states stopped, pending spawn, failed and ready: test_server_urls.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from hublab.scenario import (
    Ask,
    Credentials,
    LiveLab,
    UrlRow,
    ask,
    freeze,
    proxy_routes,
    until_no_user_route,
    until_ready,
    until_state,
    wrong_rows,
)

pytestmark = pytest.mark.topology("lab")

LOGIN = "urls.md: all authenticated handlers redirect to /hub/login"
PENDING = "urls.md, /hub/user: pending, redirected to /hub/spawn-pending"
CALL = "urls.md, Special handling of API requests; UserUrlHandler.get: 'api' in the path"
FOREIGN = "UserUrlHandler.get: 404 without access:servers"
ACTIVE = "SpawnHandler._get: active, redirected to /hub/spawn-pending"
SHOWN = "SpawnPendingHandler.get: the page for what is pending"
HOME = "HomeHandler.get"
BUSY = "UserServerAPIHandler.post: 400 for what is pending and no start"
ALREADY = "UserServerAPIHandler.delete: 202 for a stop that is under way"
MODEL = "UserServerAPIHandler.get"
NOT_STARTING = "alice is not starting..."
NO_PROGRESS = "SpawnProgressAPIHandler.get: 400, not starting"

# What both states have in common, asked where the hub itself has it.
PENDING_AT_THE_HUB = [
    UrlRow("nobody", "GET /hub/user/alice/", "login", LOGIN),
    UrlRow("alice", "GET /hub/user/alice/lab", "progress > 200 html", PENDING),
    UrlRow("alice", "GET /hub/user/alice/api/status", "424 json", CALL),
    UrlRow("alice's token", "GET /hub/user/alice/api/status", "424 json", CALL),
    UrlRow("admin", "GET /hub/user/alice/", "progress > 200 html", PENDING),
    UrlRow("bob", "GET /hub/user/alice/", "404 html", FOREIGN),
    UrlRow("bob", "GET /hub/spawn-pending/alice", "404 html", FOREIGN),
    UrlRow("alice", "GET /hub/spawn", "302 /hub/spawn-pending/alice > 200 html", ACTIVE),
    UrlRow("alice", "GET /hub/spawn-pending/alice", "200 html", SHOWN),
    UrlRow("alice", "GET /hub/home", "200 html", HOME),
    UrlRow("alice's token", "GET /hub/api/users/alice/server", "200 json", MODEL),
    UrlRow("alice's token", "POST /hub/api/users/alice/server", "400 json", BUSY),
    UrlRow("alice's token", "GET /hub/api/users/alice/server/progress", "400 json", NO_PROGRESS),
]
# The route is gone: what was the server's is the hub's now.
STOPPING = [
    UrlRow("nobody", "GET /user/alice/", "hub > login", LOGIN),
    UrlRow("alice", "GET /user/alice/lab", "hub > progress > 200 html", PENDING),
    UrlRow("alice", "GET /user/alice/api/status", "hub > 424 json", CALL),
    UrlRow("bob", "GET /user/alice/", "hub > 404 html", FOREIGN),
    UrlRow("alice", "GET /hub/", "302 /user/alice/ > hub > progress > 200 html", PENDING),
    UrlRow("alice's token", "DELETE /hub/api/users/alice/server", "202 empty", ALREADY),
]


async def page(lab: LiveLab, who: Credentials) -> str:
    """What alice is shown while her server is pending."""
    answer = await ask(lab, Ask("/hub/spawn-pending/alice"), who)
    return answer.body.decode()


async def progress(lab: LiveLab, who: Credentials) -> str:
    """What the page asks for its events, and is told in their place."""
    answer = await ask(lab, Ask("/hub/api/users/alice/server/progress"), who)
    return str(json.loads(answer.body)["message"])


@pytest.mark.matrix("hub.snippet", ["hold_in_stop.py"])
@pytest.mark.sabotage("hub.JupyterHub.use_legacy_stopped_server_status_code", True)
async def test_a_stopping_server_has_no_route(
    lab: LiveLab, people: Mapping[str, Credentials]
) -> None:
    """Held in post_stop_hook: the route and the process are gone, and it is not stopped yet."""
    await lab.spawn("alice", on="node1")
    await (await lab.hub()).stop_server("alice", "")
    await until_state(lab, "alice", "stop")
    await until_no_user_route(lab)
    wrong = await wrong_rows(lab, PENDING_AT_THE_HUB + STOPPING, people)
    assert not wrong, "\n".join(wrong)
    assert "Your server is stopping." in await page(lab, people["alice"])
    assert NOT_STARTING in await progress(lab, people["alice's token"])


@pytest.mark.finding(
    "A server that is being checked is shown as one that starts, without an end",
    project="jupyterhub",
    steps="Freeze the host of a running server, restart the hub, open /hub/user/NAME/ while the "
    "server's state is pending: check.",
    expected="A page that says what is going on and goes on to the server when it is ready, as "
    "those for a start and a stop do.",
    seen="'Your server is starting up. You will be redirected automatically when it's ready for "
    "you.' (spawn_pending.html). Its stream of events, which would redirect, is answered 400 "
    "'NAME is not starting...', after which no browser asks again; its button to stop the server "
    "gets 500.",
)
@pytest.mark.matrix("hub.JupyterHub.init_spawners_timeout", [1])
@pytest.mark.matrix("hub.SSHSpawner.poll_timeout", [1.0])
@pytest.mark.sabotage("hub.JupyterHub.use_legacy_stopped_server_status_code", True)
async def test_a_checked_server_has_the_page_of_a_starting_one(
    lab: LiveLab, people: Mapping[str, Credentials]
) -> None:
    """Its node is frozen while the hub restarts; what the proxy still sends there is not asked."""
    await lab.spawn("alice", on="node1")
    async with freeze(lab, "node1", seconds=120):
        await lab.programs.restart("hub")
        await lab.forget_hub()
        await until_state(lab, "alice", "check")
        wrong = await wrong_rows(lab, PENDING_AT_THE_HUB, people)
        shown = await page(lab, people["alice"])
        events = await progress(lab, people["alice's token"])
        assert [route for route in await proxy_routes(lab) if route.user]
        assert not wrong, "\n".join(wrong)
        assert "Your server is starting up." in shown
        assert NOT_STARTING in events
        await until_state(lab, "alice", "check")
    await until_ready(lab, "alice")
