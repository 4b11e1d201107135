"""A WebSocket is let in by what the browser says of it (Sec-Fetch-Site) before its Origin counts,
and a token in its address counts only where the browser says that it is a WebSocket.

Why it matters: browsers apply no same-origin policy to WebSockets, so that the server alone keeps
other pages out of a kernel. Whoever connects by a program, or through a proxy that renames the
host, meets rules that no page ever sees, all with one answer: 403.

Sources:
- tornado 6.6, websocket.py, `WebSocketHandler.get`, and web.py, `_check_cross_origin`: a request
  whose Sec-Fetch-Site is `same-origin` or `none` is let in; without that header one whose Origin
  is the Host's; then `check_origin`.
- jupyter_server/base/websocket.py and handlers.py, `check_origin`: the Host's own origin,
  allow_origin, and whatever a token proves.
- jupyterhub/services/auth.py, `HubAuth._get_token_url`: the address's token where Sec-Fetch-Mode is
  `websocket`; `get_token`: the Authorization header; no subprotocol; `HubOAuth._get_token_cookie`;
  the help of `HubAuth.allow_websocket_cookie_auth`.
- microsoft/vscode-jupyter-hub#75 (403 for the socket where the same token reads the API), and
  datalayer/jupyter-mcp-server#77, which asks why JUPYTERHUB_ALLOW_TOKEN_IN_URL is needed for one.
- jupyterhub/_xsrf_utils.py, `_needs_check_xsrf`: no XSRF token is asked of a WebSocket.

Two sockets are asked, of the two kinds that a server has: that of its events, and a kernel's, whose
origin another class checks.

Not tried here: `allow_websocket_cookie_auth` = False with every browser. In jupyterhub 6.1 it does
not refuse every WebSocket by cookie, so that it does not take the place of `subdomain_host`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import pytest

from hublab.scenario import (
    COOKIE,
    NO_CREDENTIALS,
    TOKEN,
    Ask,
    Asking,
    Callers,
    Case,
    DecisionRow,
    LiveLab,
    always,
    anything,
    ask,
    callers,
    decide,
    row_for,
    wrong_cells,
)

from .server_rules import Policy, Situation, policy_of
from .shared_findings import TOKEN_IN_THE_URL

ALLOW = "server.ServerApp.allow_origin"
PATTERN = "server.ServerApp.allow_origin_pat"
FOREIGN = APP, EVIL, LONGER = "http://app.lab", "http://evil.lab", "http://app.lab.evil.lab"
ENVIRONMENT = "hub.Spawner.environment"
NO_COOKIES = {"JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH": "0"}
IN_URL, AS_PROTOCOL = "token in url", "token as subprotocol"
SAID = (("", ""), ("websocket", ""), ("websocket", "same-origin"), ("websocket", "cross-site"))
"""Sec-Fetch-Mode and Sec-Fetch-Site: of programs and http pages, and of pages on https."""
EVENTS = "/user/alice/api/events/subscribe"
HANDSHAKE = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "aHVibGFiLWh1YmxhYi0xMg=="),
)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One handshake at a server with a policy."""

    asking: Asking
    policy: Policy
    host: str

    @property
    def by_token(self) -> bool:
        """A token that the server looks for where it stands."""
        where = self.asking.credential
        return where == TOKEN or (where == IN_URL and self.asking.mode == "websocket")

    @property
    def own(self) -> bool:
        """It says to come from the Host's own origin."""
        return bool(self.asking.origin) and Situation(self.asking, self.policy, self.host).own

    @property
    def checked(self) -> bool:
        """What Jupyter's own check finds of an Origin."""
        return self.by_token or self.own or self.policy.admits(self.asking.origin)


ROWS: tuple[DecisionRow[Upgrade, int], ...] = (
    DecisionRow(
        "nobody: no credential, or a token where none is looked for",
        lambda u: not (u.by_token or u.asking.credential == COOKIE),
        always(403),
        "jupyterhub/services/auth.py, get_token; jupyter_server, ws_authenticated",
    ),
    DecisionRow(
        "the browser says that it is the same origin",
        lambda u: u.asking.site == "same-origin",
        always(101),
        "tornado/web.py, _check_cross_origin: 'Same origin or direct navigation'",
    ),
    DecisionRow(
        "a program, which sends neither Origin nor Sec-Fetch-Site",
        lambda u: not u.asking.origin and not u.asking.site,
        always(101),
        "tornado/web.py, _check_cross_origin: 'probably non-browser client'",
    ),
    DecisionRow(
        "from another site without an Origin, whatever the credential",
        lambda u: not u.asking.origin,
        always(403),
        "tornado/web.py, _check_cross_origin: `if origin and check(origin)`",
    ),
    DecisionRow(
        "its own origin, an allowed one, or any with a token",
        lambda u: u.checked,
        always(101),
        "jupyter_server/base/handlers.py, check_origin",
    ),
    DecisionRow(
        "any other origin", anything, always(403), "jupyter_server/base/handlers.py, check_origin"
    ),
)

pytestmark = pytest.mark.topology("lab")


async def shake(lab: LiveLab, who: Callers, socket: str, asking: Asking) -> int:
    """The status of one handshake."""
    place = asking.credential
    query = f"?token={who.token.token}" if place == IN_URL else ""
    protocol = f"v1.token.websocket.jupyter.org.{who.token.token}"
    extra = (("Sec-WebSocket-Protocol", protocol),) if place == AS_PROTOCOL else ()
    caller = who.nobody if place in (IN_URL, AS_PROTOCOL) else who.of(place)
    headers = (*HANDSHAKE, *asking.headers(), *extra)
    return (await ask(lab, Ask(f"{socket}{query}", headers=headers), caller)).status


async def sockets(lab: LiveLab, who: Callers, base: str) -> tuple[str, str]:
    """The paths of two sockets below a server: of its events, and of a new kernel."""
    asked = Ask(f"{base}api/kernels", "POST", (("Content-Type", "application/json"),), b"{}")
    kernel = json.loads((await ask(lab, asked, who.token)).body)["id"]
    return f"{base}api/events/subscribe", f"{base}api/kernels/{kernel}/channels"


def cells(lab: LiveLab) -> list[Asking]:
    """Every credential in every place, from every origin, with what a browser says of it.

    A page of a foreign host is never said to be of the same origin; one whose port a proxy has
    lost on the way is.
    """
    origins = ["", str(lab.origin).rstrip("/"), f"http://{lab.origin.host}:1", *FOREIGN]
    return [
        Asking(place, "GET", origin, mode, site)
        for place in (NO_CREDENTIALS, TOKEN, IN_URL, AS_PROTOCOL, COOKIE)
        for origin in origins
        for mode, site in SAID
        if site != "same-origin" or origin not in FOREIGN
    ]


async def check(lab: LiveLab, case: Case) -> None:
    """Spawn the case's server and hold every handshake against the rows."""
    await lab.spawn("alice", lab.own_server)
    base = f"/user/alice/{lab.own_server}/"
    asked, policy, host = cells(lab), policy_of(case), lab.origin.authority
    async with callers(lab, "alice", lab.own_server) as who:
        for socket in await sockets(lab, who, base):
            found = await asyncio.gather(*(shake(lab, who, socket, asking) for asking in asked))
            wrong = wrong_cells(
                dict(zip(asked, found, strict=True)),
                lambda asking: decide(ROWS, Upgrade(asking, policy, host)),
                lambda asking: [str(row_for(ROWS, Upgrade(asking, policy, host)))],
            )
            assert not wrong, f"{socket}: {wrong}"


@pytest.mark.side_by_side
@pytest.mark.matrix(ALLOW, ["", APP, "*"])
@pytest.mark.sabotage(
    "server.snippet", "../changes/sockets_from_anywhere.py", sentence="one origin"
)
async def test_allow_origin_lets_a_websocket_in(lab: LiveLab, case: Case) -> None:
    """No origin, one origin, every origin."""
    await check(lab, case)


@pytest.mark.side_by_side
@pytest.mark.matrix(PATTERN, [r"http://(\w+\.)?app\.lab"])
@pytest.mark.sabotage(PATTERN, "")
@pytest.mark.sabotage(
    "server.snippet", "../changes/sockets_match_a_part.py", sentence="match the whole origin"
)
async def test_allow_origin_pat_counts_for_a_websocket(lab: LiveLab, case: Case) -> None:
    """A pattern counts for a WebSocket as for the API, and must match the whole origin."""
    await check(lab, case)


@pytest.mark.sabotage("hub.Spawner.environment", {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1"})
@TOKEN_IN_THE_URL
async def test_a_token_in_the_address_needs_the_browsers_word(lab: LiveLab) -> None:
    """The same token in the same address: with the browser's word for it 101, without it 403."""
    await lab.spawn("alice")
    async with callers(lab, "alice", "") as who:
        told = await shake(lab, who, EVENTS, Asking(IN_URL, mode="websocket"))
        untold = await shake(lab, who, EVENTS, Asking(IN_URL))
        by_header = await shake(lab, who, EVENTS, Asking(TOKEN))
    assert (told, untold, by_header) == (101, 403, 101)


@pytest.mark.matrix(ENVIRONMENT, [{}, NO_COOKIES])
async def test_cookies_that_are_switched_off(lab: LiveLab, case: Case) -> None:
    """By `allow_websocket_cookie_auth`: a client that says what it asks for is then refused with a
    cookie, and let in with a token, at both sockets.
    """
    await lab.spawn("alice")
    own = str(lab.origin).rstrip("/")
    cookie, token = (Asking(one, "GET", own, "websocket") for one in (COOKIE, TOKEN))
    async with callers(lab, "alice", "") as who:
        for socket in await sockets(lab, who, "/user/alice/"):
            status = await shake(lab, who, socket, cookie)
            assert status == (403 if case[ENVIRONMENT] else 101), socket
            assert await shake(lab, who, socket, token) == 101, socket
