"""Behind TLS that ends elsewhere hub and server disagree on which cookies are Secure, and the XSRF
cookies never are.

Why it matters: on several hosts TLS ends in front of the proxy. A scanner then reports cookies
without Secure, and each of the settings that are recommended for it mends some of the six cookies
and not the others.

Sources:
- JupyterHub documentation, `JupyterHub.public_url`: "This will skip any detection of URL and
  protocol from requests". jupyterhub#5013: "JupyterHub sets the Secure flag by default on cookies
  if the request is HTTPS"; with public_url "JupyterHub should set the Secure flag on cookies".
- jupyterhub/handlers/base.py, `_set_cookie`: public_url, else the protocol that tornado sees;
  tornado/httpserver.py, `_apply_xheaders`: X-Scheme, else the *last* of X-Forwarded-Proto, to
  which configurable-http-proxy appends its own (http-proxy-3, web-incoming.js, `XHeaders`).
- jupyterhub/services/auth.py, `HubOAuth.set_state_cookie`: public_url, else `get_browser_protocol`
  (utils.py: Forwarded, X-Scheme, the *first* of X-Forwarded-Proto); `HubOAuth.set_cookie`:
  `get_browser_protocol` alone; both: `cookie_options`.
- jupyterhub/_xsrf_utils.py, `_set_xsrf_cookie`: xsrf_cookie_kwargs alone, which the hub fills from
  cookie_options (app.py, init_tornado_settings) and the server from nothing.
- jupyterhub/handlers/base.py, `set_session_cookie`: path base_url, without a domain where there are
  no subdomains; the other cookies: the path of the hub, of the server.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hublab.scenario import (
    Case,
    DecisionRow,
    LiveLab,
    always,
    anything,
    decide,
    row_for,
    sign_in_cookies,
    wrong_cells,
)

from ..origin.shared_findings import XSRF_COOKIE_OPTIONS

PUBLIC = "hub.JupyterHub.public_url"
TORNADO = "hub.JupyterHub.tornado_settings"
SECURE = {"cookie_options": {"secure": True, "samesite": "None"}}
FORWARDED = {
    "nothing": (),
    "X-Forwarded-Proto": (("X-Forwarded-Proto", "https"),),
    "X-Scheme": (("X-Scheme", "https"),),
    "Forwarded": (("Forwarded", "proto=https"),),
}
"""What the outer proxy says of its TLS."""

pytestmark = pytest.mark.topology("lab")


@dataclass(frozen=True, slots=True)
class Setting:
    """One cookie, set by one request to a hub with these settings."""

    cookie: str
    forwarded: str
    public: str
    options: bool

    @property
    def https(self) -> bool:
        return self.public.startswith("https:")


SESSION, LOGIN, HUB_XSRF = "jupyterhub-session-id /", "jupyterhub-hub-login /hub/", "_xsrf /hub/"
STATE = "jupyterhub-user-alice-oauth-state /user/alice/"
OAUTH = "jupyterhub-user-alice /user/alice/"
SERVER_XSRF = "_xsrf /user/alice/"
COOKIES = (SESSION, LOGIN, HUB_XSRF, STATE, OAUTH, SERVER_XSRF)

ROWS: tuple[DecisionRow[Setting, bool], ...] = (
    DecisionRow(
        "the server's XSRF cookie takes no setting",
        lambda s: s.cookie == SERVER_XSRF,
        always(False),
        "jupyterhub/_xsrf_utils.py, _set_xsrf_cookie",
    ),
    DecisionRow(
        "cookie_options reaches the other five",
        lambda s: s.options,
        always(True),
        "handlers/base.py, _set_cookie; services/auth.py, cookie_options; app.py",
    ),
    DecisionRow(
        "the hub's XSRF cookie takes no other",
        lambda s: s.cookie == HUB_XSRF,
        always(False),
        "jupyterhub/_xsrf_utils.py, _set_xsrf_cookie",
    ),
    DecisionRow(
        "public_url decides for the hub and for the state of a sign-in",
        lambda s: bool(s.public) and s.cookie in (SESSION, LOGIN, STATE),
        lambda s: s.https,
        "handlers/base.py, _set_cookie; services/auth.py, set_state_cookie",
    ),
    DecisionRow(
        "the hub's own cookies: X-Scheme, or the last of X-Forwarded-Proto, which is the proxy's",
        lambda s: s.cookie in (SESSION, LOGIN),
        lambda s: s.forwarded == "X-Scheme",
        "tornado/httpserver.py, _apply_xheaders",
    ),
    DecisionRow(
        "the server's: any of the three headers",
        anything,
        lambda s: s.forwarded != "nothing",
        "jupyterhub/utils.py, get_browser_protocol",
    ),
)


async def check(lab: LiveLab, case: Case) -> None:
    """Sign in once for each thing that the outer proxy may say; hold every cookie to the rows."""
    await lab.spawn("alice")
    public, options = str(case.get(PUBLIC, "")), case.get(TORNADO) == SECURE
    seen: dict[Setting, bool] = {}
    for forwarded, headers in FORWARDED.items():
        cookies = {f"{c.name} {c.scope}": c for c in await sign_in_cookies(lab, "alice", headers)}
        assert set(cookies) == set(COOKIES)
        assert {cookie.domain for cookie in cookies.values()} == {""}
        for name, cookie in cookies.items():
            seen[Setting(name, forwarded, public, options)] = cookie.secure
            assert cookie.same_site == ("None" if options and name != SERVER_XSRF else "")
    wrong = wrong_cells(seen, lambda s: decide(ROWS, s), lambda s: [str(row_for(ROWS, s))])
    assert not wrong, wrong


@pytest.mark.matrix(PUBLIC, ["", "https://hub.lab/"])
@pytest.mark.issue(
    "jupyterhub#5013",
    happens=True,
    workaround="public_url for the hub's cookies; X-Scheme, or cookie_options, for the server's "
    "too",
)
@pytest.mark.issue(
    "jupyterhub#2348", happens=True, workaround="X-Scheme from the outer proxy, or cookie_options"
)
@pytest.mark.issue("jupyterhub#1477", happens=True, workaround="public_url, or X-Scheme")
@pytest.mark.finding(
    "public_url does not make the server's login cookie Secure",
    project="jupyterhub",
    steps="public_url = 'https://hub.lab/' and an outer proxy that sends no X-Forwarded-Proto; "
    "sign in and open a server.",
    expected="All cookies are Secure: public_url 'will skip any detection of URL and protocol from "
    "requests'.",
    seen="jupyterhub-session-id, jupyterhub-hub-login and the server's oauth-state are; the "
    "server's login cookie jupyterhub-user-NAME is not: HubOAuth.set_state_cookie reads "
    "JUPYTERHUB_PUBLIC_URL, HubOAuth.set_cookie does not.",
)
@pytest.mark.finding(
    "The XSRF cookies are never Secure by themselves",
    project="jupyterhub",
    steps="Sign in over https (X-Scheme: https, or public_url = 'https://…').",
    expected="'JupyterHub sets the Secure flag by default on cookies if the request is HTTPS' "
    "(jupyterhub#5013).",
    seen="_xsrf of the hub and of the server come without Secure: _set_xsrf_cookie looks neither "
    "at public_url nor at the protocol.",
)
async def test_public_url_makes_the_hubs_cookies_secure(lab: LiveLab, case: Case) -> None:
    """With and without a public address, for each header that an outer proxy may send."""
    await check(lab, case)


@pytest.mark.matrix(TORNADO, [SECURE])
@pytest.mark.sabotage(TORNADO, {})
@XSRF_COOKIE_OPTIONS
async def test_cookie_options_reach_five_of_six_cookies(lab: LiveLab, case: Case) -> None:
    """Options for all cookies: five of six take them."""
    await check(lab, case)
