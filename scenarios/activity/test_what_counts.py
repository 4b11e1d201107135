"""What counts as activity: the server, the proxy and the hub each go by a rule of their own.

Why it matters: one time, `last_activity`, decides whether somebody's server is stopped. It is the
latest of three that are kept on three hosts, and no two of them count the same things. Who
wonders why a server was culled, or never is, must ask which of the three moved.

Sources:
- jupyter_server 2.21, base/handlers.py, `APIHandler.finish`: an answer of the REST API to a known
  user, whatever its status, but for handlers with `_track_activity = False` (`/api`,
  `/api/status`) and for `?no_track_activity`; services/kernels/kernelmanager.py,
  `record_activity`: what a busy kernel sends, and what answers a message that is tracked.
- jupyter_server_terminals 0.5, handlers.py, `TermSocket`: what is typed, and what a page shows.
- configurable-http-proxy 5.3, lib/configproxy.js, `handleProxy`: answers below 300, whoever asked,
  and every piece of data that a client sends, of a request's body or over a WebSocket.
- jupyterhub 6.1.1, handlers/base.py, `_record_activity`: requests to the hub itself, by cookie or
  by a user's token, but for `UserUrlHandler`. They are the user's; the time that the hub keeps
  for the server moves by reports and by the proxy alone (test_who_reports.py).
- jupyterhub#5529 (open), a page on idleness by a maintainer, says the same in prose.
"""

from __future__ import annotations

import pytest

from hublab.scenario import LiveLab, last_activity

from . import actions
from .actions import Action, Actors, asks, monitors, who_moves
from .kernels_and_pages import new_kernel, pings, visit

FINISH = "jupyter_server/base/handlers.py, APIHandler.finish"
STATUS = "jupyter_server/services/api/handlers.py, _track_activity = False"
RECORD = "jupyter_server/services/kernels/kernelmanager.py, record_activity"
UNTRACKED = "jupyter_server/services/kernels/kernelmanager.py, untracked_message_types"
TERMINAL = "jupyter_server_terminals/handlers.py, TermSocket._update_activity"
PTY = "jupyter_server_terminals/terminalmanager.py, pre_pty_read_hook: the terminal's time alone"
BELOW_300 = "lib/configproxy.js, res.on('finish'): statusCode < 300"
BODY = "lib/configproxy.js, req.on('data')"
SOCKET = "lib/configproxy.js, res.on('data'), where res is the client's socket"
HUB_RECORD = "jupyterhub/handlers/base.py, _record_activity"
USER_URL = "jupyterhub/handlers/base.py, UserUrlHandler._record_activity"

Table = dict[str, tuple[Action, set[str], str]]
"""What is done: how; who counts it; where that stands."""
SERVER, PROXY, HUB = "server", "proxy", "hub_user"
API = "/user/alice/api"
ICON = "/user/alice/static/favicons/favicon.ico"

pytestmark = [
    pytest.mark.topology("lab"),
    # Nobody reports to anybody, so that what each side moves by itself can be told.
    pytest.mark.matrix("hub.JupyterHub.last_activity_interval", [0]),
    pytest.mark.matrix("hub.Spawner.environment", [{"JUPYTERHUB_ACTIVITY_INTERVAL": "0"}]),
    pytest.mark.matrix("hub.JupyterHub.activity_resolution", [0]),
    # The pongs of an open page count as well: see test_idle_tab.py.
    pytest.mark.matrix("server.ServerApp.tornado_settings", [pings(0)]),
]

REQUESTS: Table = {
    "reads a folder": (asks(f"{API}/contents", 200), {SERVER, PROXY}, FINISH),
    "asks for what is not there": (asks(f"{API}/contents/no", 404), {SERVER}, BELOW_300),
    "polls kernels, as pages do": (asks(f"{API}/kernels", 200), {SERVER, PROXY}, FINISH),
    "monitor polls kernels": (monitors(f"{API}/kernels"), {SERVER, PROXY}, FINISH),
    "monitor polls kernels past the proxy": (
        monitors(f"{API}/kernels", past_proxy=True),
        {SERVER},
        FINISH,
    ),
    "monitor says that it does not count": (
        monitors(f"{API}/kernels?no_track_activity=1", past_proxy=True),
        set(),
        FINISH,
    ),
    "monitor asks the status past the proxy": (
        monitors(f"{API}/status", past_proxy=True),
        set(),
        STATUS,
    ),
    "says that it does not count": (
        asks(f"{API}/contents?no_track_activity=1", 200),
        {PROXY},
        FINISH,
    ),
    "asks the server's status": (asks(f"{API}/status", 200), {PROXY}, STATUS),
    "loads the page": (asks("/user/alice/lab", 200), {PROXY}, BELOW_300),
    "stranger gets an icon": (asks(ICON, 200, signed_in=False), {PROXY}, BELOW_300),
    "stranger asks the version": (asks(API, 200, signed_in=False), {PROXY}, STATUS),
    "stranger is refused": (asks(f"{API}/contents", 403, signed_in=False), set(), FINISH),
    "stranger must sign in": (asks("/user/alice/lab", 302, signed_in=False), set(), BELOW_300),
    "stranger's upload is refused": (
        asks(f"{API}/contents", 403, method="POST", signed_in=False),
        {PROXY},
        BODY,
    ),
    "visits the hub": (asks("/hub/home", 200), {HUB}, HUB_RECORD),
    "asks the hub by token": (actions.asks_hub_by_token, {HUB}, HUB_RECORD),
    "passes the hub on the way to a server": (asks("/hub/user/alice/lab", 302), set(), USER_URL),
    "stranger at the hub": (asks("/hub/login", 200, signed_in=False), set(), HUB_RECORD),
}
KERNELS: Table = {
    "connects": (actions.connects, set(), f"{UNTRACKED}; {SOCKET}"),
    "runs a cell": (actions.runs_a_cell, {SERVER, PROXY}, f"{RECORD}; {SOCKET}"),
    "asks the kernel what it is": (
        actions.asks_kernel_what_it_is,
        {PROXY},
        f"{UNTRACKED}; {SOCKET}",
    ),
    "computes in silence": (actions.computes_in_silence, set(), f"{RECORD}; {SOCKET}"),
    "prints into a page": (actions.prints_into_page, {SERVER}, f"{RECORD}; {SOCKET}"),
    "prints unseen": (actions.prints_unseen, {SERVER}, RECORD),
    "a thread prints": (actions.thread_prints, {SERVER}, RECORD),
    "a thread prints, somebody looks": (actions.thread_prints_after_a_look, set(), UNTRACKED),
}
TERMINALS: Table = {
    "types": (actions.types, {SERVER, PROXY}, f"{TERMINAL}; {SOCKET}"),
    "prints into a page": (actions.terminal_prints_into_page, {SERVER}, f"{TERMINAL}; {SOCKET}"),
    "prints unseen": (actions.terminal_prints_unseen, set(), PTY),
}


async def check(lab: LiveLab, table: Table) -> None:
    """Go through a table, row by row, on one server."""
    server = await lab.spawn("alice", on="node1")
    alice = await visit(lab, "alice")
    stranger = await lab.enter(lab.channel.session())
    who = Actors(lab, alice, await new_kernel(alice), stranger)
    async with alice.connect(who.kernel) as tab:
        await tab.run("1")  # so that no row has to wait for the kernel to start
    times = await last_activity(lab, server)
    rows = table.items()
    found = {what: await who_moves(action, who, times, moves) for what, (action, moves, _) in rows}
    assert found == {what: moves for what, (_, moves, _) in rows}


@pytest.mark.finding(
    "A flood of refused requests makes a route active if they bring a body",
    project="configurable-http-proxy",
    steps="POST JSON without credentials to /user/alice/api/contents; GET /api/routes.",
    expected="Only successful requests are activity; 'A flood of invalid requests such as 404s or "
    "403s … shouldn't make it look like the endpoint is active' (lib/configproxy.js, handleProxy).",
    seen="The answer is 403 and last_activity of the route is now: req.on('data') records it.",
)
@pytest.mark.sabotage("hub.JupyterHub.activity_resolution", 3600)
@pytest.mark.sabotage(
    "server.snippet",
    "../changes/lists_of_kernels_do_not_count.py",
    sentence="a program that polls kernels keeps the server awake",
)
async def test_a_request_counts_by_its_status_and_body(lab: LiveLab) -> None:
    """Through the proxy, by her and by strangers: status and body count there, the user here. So
    a program that polls kernels keeps the server awake, and not only through the proxy.
    """
    await check(lab, REQUESTS)


@pytest.mark.issue(
    "jupyterhub-idle-culler#10",
    "jupyterhub-idle-culler#55",
    happens=True,
    workaround="print something now and then",
)
@pytest.mark.finding(
    "What a thread prints is no activity any more once a page has connected",
    project="jupyter_server",
    steps="A cell starts a thread that prints and ends; close the page; open it again.",
    expected="last_activity of server and kernel move with each line, before and after; "
    "start_watching_activity: 'update last_activity on every message'.",
    seen="They move until the page connects. The server's own kernel_info_request becomes the "
    "parent of the thread's messages (ipykernel 7), and `stream` counts by its parent alone.",
)
@pytest.mark.finding(
    "What a server sends over a WebSocket is no activity to the proxy",
    project="configurable-http-proxy",
    steps="A kernel prints into a page that sends nothing; GET /api/routes.",
    expected="'update timestamp on any request/reply data as well (this includes websocket data)' "
    "(lib/configproxy.js, handleProxy).",
    seen="last_activity of the route stands still: `res` is the client's socket, so res.on('data') "
    "is what the client sends.",
)
@pytest.mark.sabotage("server.MappingKernelManager.untracked_message_types", [])
async def test_a_kernel_is_active_by_what_it_says(lab: LiveLab) -> None:
    """A kernel is active by what it says, not by what it does; the proxy hears only the page."""
    await check(lab, KERNELS)


@pytest.mark.finding(
    "A terminal that prints while no page shows it does not keep its server active",
    project="jupyter_server",
    steps="Start a long build in a terminal, close the page; GET /api/terminals and /api/status.",
    expected="ServerWebApplication.last_activity: 'Includes: API activity, kernel activity, kernel "
    "shutdown, and terminal activity'; the terminal's own last_activity moves.",
    seen="last_activity of the server stands still: only TermSocket sets terminal_last_activity.",
)
@pytest.mark.sabotage("server.snippet", "../changes/terminals_do_not_count.py")
async def test_a_terminal_is_active_while_a_page_shows_it(lab: LiveLab) -> None:
    """A terminal's output counts for the server while a page shows it, and no longer."""
    await check(lab, TERMINALS)
