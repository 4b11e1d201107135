"""A token opens the server's API from any origin, and allow_origin only narrows which pages may
read the answer; a cookie opens it from the server's own and the allowed origins alone, and writes
with an XSRF token.

Why it matters: a portal on one host that shows kernels of another, a proxy that renames hosts, a
dashboard on a subdomain: all of them are cross-origin. Which of credential, origin, method and
setting lets a request through, and which answer a browser may then show to the page, is decided
in three places that know nothing of each other, and a missing cell shows up as "CORS error".

Sources:
- jupyter_server, documentation of `ServerApp.allow_origin` ("Use '*' to allow any origin to access
  your server. Takes precedence over allow_origin_pat"), `allow_origin_pat` ("Requests from an
  origin matching the expression will get replies with: Access-Control-Allow-Origin: origin"),
  `allow_credentials`, `disable_check_xsrf`.
- jupyter_server/base/handlers.py and jupyterhub/services/auth.py, _xsrf_utils.py: a row each below.
- The Fetch standard, "CORS check": what a browser makes of the headers (`CorsAccess.readable_by`).

Every cell is one of credential × origin × method; every case one set of settings. The origins that
ask are in `cells`: a value of your own for an axis is tried only where it names or matches one.
"""

from __future__ import annotations

import asyncio

import pytest

from hublab.scenario import (
    CREDENTIALS,
    Asking,
    Callers,
    Case,
    CorsAccess,
    LiveLab,
    call,
    callers,
    cors_access,
    wrong_cells,
)

from .server_rules import Policy, Situation, expected, policy_of, reasons

ALLOW = "server.ServerApp.allow_origin"
PATTERN = "server.ServerApp.allow_origin_pat"
COOKIES = "server.ServerApp.allow_credentials"
NO_XSRF = "server.ServerApp.disable_check_xsrf"
TORNADO = "server.ServerApp.tornado_settings"
APP, LIB, EVIL = "http://app.lab", "http://lib.app.lab", "http://evil.lab"
FILE = {"type": "file", "format": "text", "content": ""}

pytestmark = [pytest.mark.topology("lab"), pytest.mark.side_by_side]


def cells(lab: LiveLab, policy: Policy) -> list[Asking]:
    """Every kind of credential, from every kind of origin, by every method.

    A preflight for Authorization is sent where the settings allow its origin, or say nothing.
    """
    own = str(lab.origin).rstrip("/")
    wrong_port = f"http://{lab.origin.host}:{(lab.origin.port or 80) + 1}"
    other_scheme = own.replace("http://", "https://")
    origins = ["", own, other_scheme, wrong_port, APP, LIB, EVIL]
    plain = [
        Asking(credential, method, origin)
        for credential in CREDENTIALS
        for origin in origins
        for method in ("GET", "POST", "PUT")
    ]
    preflights = [
        Asking("none", "OPTIONS", origin, requested=wanted)
        for origin in origins
        for wanted in ("content-type,x-xsrftoken", "authorization,content-type")
        if "authorization" not in wanted or policy.silent or policy.names(origin)
    ]
    by_token = [Asking("token", "OPTIONS", origin) for origin in origins]
    return plain + preflights + by_token


async def measure(lab: LiveLab, who: Callers, asked: list[Asking]) -> dict[Asking, CorsAccess]:
    """What each of them gets: GET of the list of files, PUT of a file, POST for a new one."""
    base = f"/user/alice/{lab.own_server}/api/contents"

    async def one(number: int, asking: Asking) -> CorsAccess:
        target = f"{base}/{number}.txt" if asking.method == "PUT" else base
        return cors_access(await call(lab, who, target, asking, FILE))

    answers = await asyncio.gather(*(one(number, asking) for number, asking in enumerate(asked)))
    return dict(zip(asked, answers, strict=True))


async def check(lab: LiveLab, case: Case) -> None:
    """Spawn the case's server and hold every cell against the rows."""
    policy = policy_of(case)
    asked = cells(lab, policy)
    await lab.spawn("alice", lab.own_server)
    async with callers(lab, "alice", lab.own_server) as who:
        seen = await measure(lab, who, asked)
    host = lab.origin.authority

    def situation(asking: Asking) -> Situation:
        return Situation(asking, policy, host)

    wrong = wrong_cells(
        seen, lambda asking: expected(situation(asking)), lambda one: reasons(situation(one))
    )
    assert not wrong, wrong


@pytest.mark.matrix(ALLOW, ["", APP, "*"])
@pytest.mark.matrix(COOKIES, [False, True])
async def test_allow_origin_says_which_pages_may_read(lab: LiveLab, case: Case) -> None:
    """No origin, one origin, every origin; with and without the header for cookies. Who asks: the
    server's own origin, the same with https, with another port, `http://app.lab`,
    `http://lib.app.lab`, `http://evil.lab`, and a script without one. A value of your own for the
    axis is to name one of these: nobody else asks.
    """
    await check(lab, case)


@pytest.mark.matrix(PATTERN, [r"http://(\w+\.)?app\.lab", "http://app"])
async def test_allow_origin_pat_must_match_the_whole_origin(lab: LiveLab, case: Case) -> None:
    """A pattern must match the whole origin."""
    await check(lab, case)


@pytest.mark.matrix(PATTERN, [r"http://(\w+\.)?app\.lab"])
@pytest.mark.matrix(ALLOW, [EVIL])
@pytest.mark.sabotage(ALLOW, "")
async def test_allow_origin_takes_precedence(lab: LiveLab, case: Case) -> None:
    """Where allow_origin says something the pattern counts no more."""
    await check(lab, case)


@pytest.mark.matrix(NO_XSRF, [True])
@pytest.mark.matrix(ALLOW, ["", "*"])
@pytest.mark.issue("jupyterhub#4752", happens=False, workaround="fixed by jupyterhub#4753")
async def test_disable_check_xsrf_lets_a_cookie_write(lab: LiveLab, case: Case) -> None:
    """A cookie alone then writes, but still from no other origin than the allowed ones."""
    await check(lab, case)


@pytest.mark.matrix(TORNADO, [{"headers": {"Access-Control-Allow-Origin": APP}}])
@pytest.mark.sabotage(TORNADO, {})
async def test_a_header_by_hand_lets_a_token_read_errors_too(lab: LiveLab, case: Case) -> None:
    """The header alone lets a page read what a token asks for, errors too, and no cookie in."""
    await check(lab, case)
