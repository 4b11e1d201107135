"""What a browser says of a request (Sec-Fetch-Mode) decides whether a cookie alone counts, on the
hub and on the server alike; without a word of it every reading request counts.

Why it matters: browsers send Sec-Fetch-* to https and to localhost only. The same page on
http://hub.lab and on https://hub.lab gets different answers, so that a trial without TLS shows
neither the protection nor the refusals of the real thing.

Sources:
- jupyterhub/_xsrf_utils.py, `_needs_check_xsrf`: "no xsrf check needed for regular page views or
  same-origin no-cors GETs or websockets"; "insecure URLs (public hostname/ip, no https) don't set
  Sec-Fetch-Mode".
- jupyterhub/apihandlers/base.py: "we also check xsrf on GETs to API endpoints".
- jupyterhub/services/auth.py, `HubOAuth._get_user_cookie`: a cookie without the XSRF token that is
  asked for is as no cookie at all.
- Changelog of JupyterHub 5.4.5 (CVE-2026-40864: no-cors GETs) and 5.4.6 (same-origin ones again).
- W3C, "Fetch Metadata Request Headers": sent to potentially trustworthy URLs only.
"""

from __future__ import annotations

import asyncio

import pytest

from hublab.scenario import (
    COOKIE,
    Asking,
    DecisionRow,
    LiveLab,
    always,
    anything,
    call,
    callers,
    decide,
    row_for,
    wrong_cells,
)

from .server_rules import needs_xsrf

MODES = ("", "navigate", "no-cors", "cors", "same-origin")
"""Those of pages' requests; test_websocket.py has the handshakes."""
SITES = ("", "same-origin", "same-site", "cross-site")
NOW = {"last_activity": "2020-01-01T00:00:00Z"}
FILE = {"type": "file", "format": "text", "content": ""}

ROWS: tuple[DecisionRow[Asking, int], ...] = (
    DecisionRow(
        "a cookie alone where an XSRF token is asked for",
        lambda asking: asking.credential == COOKIE and needs_xsrf(asking),
        always(403),
        "jupyterhub/_xsrf_utils.py, _needs_check_xsrf",
    ),
    DecisionRow(
        "a cookie otherwise, and with the XSRF token always",
        anything,
        always(200),
        "jupyterhub/_xsrf_utils.py, check_xsrf_cookie",
    ),
)
CELLS = [
    Asking(credential, method, "", mode, site)
    for credential in ("cookie", "cookie+xsrf")
    for method in ("GET", "POST")
    for mode in MODES
    for site in SITES
]

pytestmark = pytest.mark.topology("lab")


@pytest.mark.sabotage("server.ServerApp.disable_check_xsrf", True)
@pytest.mark.sabotage(
    "server.snippet", "../changes/reading_needs_no_xsrf.py", sentence="by GET and POST"
)
async def test_the_fetch_mode_decides_whether_a_cookie_alone_counts(lab: LiveLab) -> None:
    """Every mode and site, by GET and POST, with and without the XSRF token, asked of both."""
    await lab.spawn("alice")
    targets = {
        "hub": {"GET": "/hub/api/users/alice", "POST": "/hub/api/users/alice/activity"},
        "server": dict.fromkeys(("GET", "POST"), "/user/alice/api/contents"),
    }
    bodies = {"hub": NOW, "server": FILE}
    async with callers(lab, "alice", "") as who:

        async def status(place: str, asking: Asking) -> int:
            target = targets[place][asking.method]
            answer = await call(lab, who, target, asking, bodies[place])
            return 200 if answer.status < 400 else answer.status

        wrong = ""
        for place in targets:
            found = await asyncio.gather(*(status(place, asking) for asking in CELLS))
            seen = dict(zip(CELLS, found, strict=True))
            told = wrong_cells(seen, lambda one: decide(ROWS, one), why)
            wrong += f"{place}: {told}\n" if told else ""
    assert not wrong, wrong


def why(asking: Asking) -> list[str]:
    """The row that says so."""
    return [str(row_for(ROWS, asking))]
