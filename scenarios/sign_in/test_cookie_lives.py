"""Six cookies carry a sign-in: what each of them opens, and for how long.

Why it matters: they are set by two hosts, and each is checked by one of these. A browser that has
lost one of them, or a proxy that keeps one back, breaks one kind of request and leaves the others
alone; and who wants sign-ins to last has to know whose clock ends them.

Sources:
- JupyterHub documentation, "JupyterHub and OAuth", "Hub cookies" and "Single-user server cookies":
  the hub's sign-in, the session that all share, a server's own token; "Logging out".
- jupyterhub 6.1.1, handlers/base.py, `get_current_user_cookie`: who has lost the session gets a new
  one; `_xsrf_token_id`: an XSRF token is of one session and one sign-in; services/auth.py,
  `_get_xsrf_token_id`: of one session and one token.
- _xsrf_utils.py, `check_xsrf_cookie`, `_needs_check_xsrf`: what writes needs the XSRF cookie, and a
  page that is navigated to does not; `_set_xsrf_cookie`: "limit anonymous xsrf cookies to one
  hour"; services/auth.py, `set_state_cookie`: "Expire oauth state cookie in ten minutes";
  `HubOAuthCallbackHandler.get`: 403 for a state that no cookie of the browser has.
- JupyterHub documentation, `cookie_max_age_days`: "Number of days for a login cookie to be valid.
  Default is two weeks"; handlers/base.py, `_user_for_cookie`: by the time that the hub signed it;
  `oauth_token_expires_in` follows it.
- tornado, `set_signed_cookie`: "expires_days sets the lifetime of the cookie in the browser", 30 by
  default; None is a cookie of the session; jupyterhub/handlers/base.py, `_set_cookie`, and
  services/auth.py, `set_cookie`: `cookie_options` go there; RFC 6265, 4.1.2: without Max-Age and
  Expires a cookie ends with the browser's session.
"""

from __future__ import annotations

import time
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.cookies import Morsel

import pytest

from hublab.scenario import (
    NAVIGATE,
    Ask,
    Case,
    Credentials,
    LiveLab,
    ask,
    clock,
    credentials,
    fresh_browser,
    table_rows,
)

from .oauth_steps import (
    AUTHORIZE,
    CLIENT,
    PAGE,
    STATE_COOKIE,
    leads_to,
    open_page,
    path_of,
    until_callback,
)

DAYS = "hub.JupyterHub.cookie_max_age_days"
TORNADO = "hub.JupyterHub.tornado_settings"
KEPT_LONGER = {"cookie_options": {"expires_days": 60}}
AS_LONG_AS_IT_RUNS = {"cookie_options": {"expires_days": None}}
DAY = 24 * 3600
Cookie = tuple[str, str]
LOGIN, SESSION, HUB_XSRF = (
    ("jupyterhub-hub-login", "/hub/"),
    ("jupyterhub-session-id", "/"),
    ("_xsrf", "/hub/"),
)
OWN, STATE, SERVER_XSRF = (
    (CLIENT, "/user/alice/"),
    (STATE_COOKIE, "/user/alice/"),
    ("_xsrf", "/user/alice/"),
)
JSON = (("Content-Type", "application/json"),)
DOORS = {
    "hub's page": Ask("/hub/home", headers=tuple(NAVIGATE.items())),
    "hub's API": Ask("/hub/api/user"),
    "a write there": Ask("/hub/api/users/alice/tokens", "POST", JSON, b"{}", xsrf=True),
    "server's page": Ask(PAGE, headers=tuple(NAVIGATE.items())),
    "its API": Ask("/user/alice/api/contents"),
    "a write there too": Ask("/user/alice/api/contents", "POST", JSON, b"{}", xsrf=True),
}
TABLE: dict[Cookie | None, tuple[int, ...]] = {
    None: (200, 200, 201, 200, 200, 201),
    LOGIN: (302, 403, 403, 200, 200, 201),
    SESSION: (200, 200, 403, 200, 200, 403),
    HUB_XSRF: (200, 200, 403, 200, 200, 201),
    OWN: (200, 200, 201, 302, 403, 403),
    SERVER_XSRF: (200, 200, 201, 200, 200, 403),
}
"""The cookie that is missing -> what each of the doors answers."""

pytestmark = pytest.mark.topology("lab")


def place(morsel: Morsel[str]) -> Cookie:
    """A cookie's name and path."""
    return morsel.key, morsel["path"]


def without(lab: LiveLab, who: Credentials, missing: Cookie | None) -> Credentials:
    """The same browser, but for one cookie."""
    left = fresh_browser(lab)
    for morsel in who.jar:
        if place(morsel) != missing:
            left.jar.update_cookies([(morsel.key, morsel)], lab.origin)
    return left


def lives(who: Credentials) -> dict[Cookie, float | None]:
    """For how many seconds a browser keeps each of its cookies; None for its own session."""
    found: dict[Cookie, float | None] = {}
    for morsel in who.jar:
        found[place(morsel)] = None
        if morsel["max-age"]:
            found[place(morsel)] = float(morsel["max-age"])
        elif morsel["expires"]:
            found[place(morsel)] = (
                parsedate_to_datetime(morsel["expires"]).timestamp() - time.time()
            )
    return found


def days(kept: dict[Cookie, float | None], *cookies: Cookie) -> set[int | None]:
    """For how many whole days these are kept."""
    seconds = [kept[one] for one in cookies]
    return {None if one is None else round(one / DAY) for one in seconds}


@pytest.mark.sabotage("server.ServerApp.disable_check_xsrf", True)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/sessions_once.py", sentence="Without the session's"
)
async def test_what_each_cookie_opens(lab: LiveLab) -> None:
    """Six doors, and one cookie missing at a time. Without the session's all can be read, and
    nothing written; without another one hub or server asks for a sign-in, each for its own page, or
    refuses writes.
    """
    await lab.spawn("alice", on="node1")
    whole = await lab.enter(credentials(lab, "alice", server=""))
    seen, led = {}, {}
    for missing in TABLE:
        doors = [await ask(lab, one, without(lab, whole, missing)) for one in DOORS.values()]
        seen[missing] = tuple(answer.status for answer in doors)
        led[missing] = [path_of(answer) for answer in doors if answer.status == 302]
    assert seen == TABLE
    assert {missing: places for missing, places in led.items() if places} == {
        LOGIN: ["/hub/login"],
        OWN: [AUTHORIZE],
    }


@pytest.mark.issue(
    "jupyterhub#4433",
    happens=True,
    workaround="tornado_settings = {'cookie_options': {'expires_days': 60}} beside it",
)
@pytest.mark.matrix(DAYS, [14, 60])
async def test_how_long_a_browser_keeps_each(lab: LiveLab, case: Case) -> None:
    """The form's XSRF cookie an hour, a begun sign-in, which is 403 without its own, ten minutes,
    hub's and server's own thirty days whatever is set, the others as long as it runs. The token in
    the server's lasts as set.
    """
    await lab.spawn("alice", on="node1")
    nobody = fresh_browser(lab)
    await open_page(lab, nobody, "/hub/login")
    assert lives(nobody)[HUB_XSRF] == 3600
    who = await lab.enter(credentials(lab, "alice"))
    page = await open_page(lab, who, PAGE)
    assert lives(who)[STATE] == 600
    back = await open_page(lab, who, leads_to(page))
    assert (await open_page(lab, without(lab, who, STATE), leads_to(back))).status == 403
    await open_page(lab, who, leads_to(back))
    kept = lives(who)
    assert {one: kept[one] for one in (SESSION, HUB_XSRF, SERVER_XSRF)} == {
        SESSION: None,
        HUB_XSRF: None,
        SERVER_XSRF: None,
    }
    assert days(kept, LOGIN, OWN) == {30}
    (row,) = [row for row in await table_rows(lab, "api_tokens") if row["client_id"] == CLIENT]
    ends, made = (datetime.fromisoformat(str(row[name])) for name in ("expires_at", "created"))
    assert round((ends - made).total_seconds()) == int(str(case[DAYS])) * DAY


@pytest.mark.issue(
    "jupyterhub#1672", happens=False, workaround="cookie_options, which servers have too since 0.9"
)
@pytest.mark.matrix(TORNADO, [KEPT_LONGER, AS_LONG_AS_IT_RUNS])
async def test_cookie_options_say_how_long(lab: LiveLab, case: Case) -> None:
    """Hub's and server's own and the session's: sixty days, or as long as the browser runs."""
    await lab.spawn("alice", on="node1")
    who = await lab.enter(credentials(lab, "alice"))
    back = await until_callback(lab, who)
    await open_page(lab, who, leads_to(back))
    longer = case[TORNADO] == KEPT_LONGER
    assert days(lives(who), LOGIN, OWN, SESSION) == {60 if longer else None}


@pytest.mark.matrix(DAYS, [14, 21])
async def test_the_hubs_clock_ends_a_sign_in(lab: LiveLab, case: Case) -> None:
    """Seventeen days later: over by default, and not where it is to last for three weeks."""
    who = await lab.enter(credentials(lab, "alice"))
    assert (await open_page(lab, who, "/hub/home")).status == 200
    async with clock(lab, "hub", ahead=17 * DAY, seconds=300):
        await lab.programs.restart("hub")
        await lab.forget_hub()
        assert (await open_page(lab, who, "/hub/home")).status == (302 if case[DAYS] == 14 else 200)
