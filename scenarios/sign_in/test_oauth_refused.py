"""What spoils a sign-in between hub and server: no proof, another's state, time, a restart.

Why it matters: the sign-in begins at the server, goes on at the hub and ends at the server. What
the server remembers meanwhile is in its memory and in one browser; hubs and nodes of different ages
disagree about what belongs to it. The user sees a number and some words, and nobody else anything.

Sources:
- RFC 7636, 4.4.1: a server that requires PKCE answers a request without it with `invalid_request`;
  `JupyterHub.oauth_require_pkce`, new in 6.0; `HubOAuth.pkce_enabled`; JupyterHub 5 sends none.
- RFC 6749, 10.12 and 4.1.2.1 (`error` at the callback); jupyterhub 6.1.1, services/auth.py,
  `HubOAuthCallbackHandler.get`: 400 for an error, for no code and for no state, 403 "oauth state
  does not match. Try logging in again."; the cookie is "consumed" before the two are compared.
- services/auth.py, `HubOAuthCallbackHandler.get`: the state's cookie is cleared before the code is
  exchanged; `_api_request`: 500 "Failed to connect to Hub API".
- RFC 6749, 4.1.2: a code expires shortly; oauth/provider.py: after 300 s of the hub's clock; 5.2:
  `invalid_grant`; services/auth.py, `_api_request`: a 4xx of the hub is 500 for the user.
- `HubOAuth.oauth_state_max_age`: "Governs both oauth state cookie Max-Age, as well as the in-memory
  _oauth_states cache"; `get_next_url`: without what was remembered, the server's own page.
"""

from __future__ import annotations

import re
import time

import pytest

from hublab.scenario import (
    Case,
    LiveLab,
    clock,
    credentials,
    fresh_browser,
    last_server_log,
    table_rows,
    until,
)

from .oauth_steps import (
    CALLBACK,
    PAGE,
    STATE_COOKIE,
    leads_to,
    names,
    open_page,
    parameters,
    path_of,
    until_callback,
)

REQUIRED = "hub.JupyterHub.oauth_require_pkce"
SNIPPET = "server.snippet"
PKCE, REMEMBERED = "server.HubOAuth.pkce_enabled", "server.HubOAuth.oauth_state_max_age"
BARE = re.compile(r"<html><title>(\d{3}: [\w ]+)</title><body>\1</body></html>")
"""Tornado's own error page: the status and its name, twice."""

pytestmark = pytest.mark.topology("lab")


async def said(lab: LiveLab) -> str:
    """The log of alice's server."""
    return await last_server_log(lab, "alice", "node1")


@pytest.mark.matrix(REQUIRED, [False, True])
@pytest.mark.matrix(PKCE, [False, True])
async def test_a_hub_that_wants_a_proof_refuses_servers_without(lab: LiveLab, case: Case) -> None:
    """Required by the hub and not sent by the server, as by an older one: 400; else it works."""
    await lab.spawn("alice", on="node1")
    who = await lab.enter(credentials(lab, "alice"))
    back = await until_callback(lab, who)
    assert path_of(back) == CALLBACK
    refused = case[REQUIRED] is True and case[PKCE] is False
    assert parameters(back).get("error") == ("invalid_request" if refused else None)
    end = await open_page(lab, who, leads_to(back))
    assert end.status == (400 if refused else 302)
    assert ("Error in oauth: Code challenge required." in await said(lab)) == refused


@pytest.mark.finding(
    "What the callback tells a user to do stands in the server's log alone",
    project="jupyterhub",
    steps="Open /user/NAME/oauth_callback?code=…&state=… of somebody else's sign-in, or "
    "?error=access_denied&error_description=Not+for+you.",
    expected="A page with the words that the handler has for the user: 'oauth state does not "
    "match. Try logging in again.', 'Error in oauth: Not for you'.",
    seen="'403: Forbidden', '400: Bad Request' and no word more: the callback's handler is "
    "tornado's RequestHandler with its bare error page, which shows no message; the words are in "
    "the log of the single-user server.",
)
@pytest.mark.sabotage(SNIPPET, "../changes/forgets_sign_ins.py")
async def test_a_callback_that_is_not_ones_own(lab: LiveLab) -> None:
    """Another state 403, none 400, no code 400, an error of the hub's 400, the words in the log
    alone; and then the right one is taken. Another's state in a browser that has begun a sign-in of
    its own is 403 too, and ends that one.
    """
    await lab.spawn("alice", on="node1")
    who = await lab.enter(credentials(lab, "alice"))
    back = await until_callback(lab, who)
    given = parameters(back)
    code = f"code={given['code']}"
    other = await open_page(lab, fresh_browser(lab), leads_to(back))
    stateless = await open_page(lab, who, f"{CALLBACK}?{code}")
    codeless = await open_page(lab, who, f"{CALLBACK}?state={given['state']}")
    denied = await open_page(
        lab, who, f"{CALLBACK}?error=access_denied&error_description=Not+for+you"
    )
    seen = [answer.status for answer in (other, stateless, codeless, denied)]
    assert seen == [403, 400, 400, 400]
    assert "jupyterhub-user-alice" not in names(who)
    log = await said(lab)
    for words, answer in {
        "oauth state does not match. Try logging in again.": other,
        "OAuth state is missing. Try logging in again.": stateless,
        "OAuth callback made without a token": codeless,
        "Error in oauth: Not for you": denied,
    }.items():
        assert words in log
        assert BARE.fullmatch(answer.body.decode())
    right = await open_page(lab, who, leads_to(back))
    assert (right.status, leads_to(right)) == (302, PAGE)

    begun = await lab.enter(credentials(lab, "alice"))
    own = await until_callback(lab, begun)
    theirs = parameters(await open_page(lab, fresh_browser(lab), PAGE))["state"]
    mixed = f"{CALLBACK}?code={parameters(own)['code']}&state={theirs}"
    assert [(await open_page(lab, begun, one)).status for one in (mixed, leads_to(own))] == [
        403
    ] * 2
    assert "jupyterhub-user-alice" not in names(begun)


@pytest.mark.finding(
    "A code that comes too late is an internal error of the server",
    project="jupyterhub",
    steps="Open a server's page until the hub has sent the browser back with a code; let five "
    "minutes pass, or set the hub's clock ahead; follow the redirect.",
    expected="A refusal that says what to do, as for a state that does not match (403, 'Try "
    "logging in again.'): a code is meant to expire (RFC 6749, 4.1.2), and the hub answers the "
    "server with 400 invalid_grant (5.2).",
    seen="500, in the log 'Failed to check authorization: invalid_grant': HubAuth._api_request "
    "makes 500 of every 4xx but 403.",
)
@pytest.mark.sabotage("hub.snippet", "../changes/codes_of_an_hour.py")
async def test_a_code_that_comes_late(lab: LiveLab) -> None:
    """Six minutes by the hub's clock: 500, no cookie, and the next attempt works."""
    await lab.spawn("alice", on="node1")
    who = await lab.enter(credentials(lab, "alice"))
    back = await until_callback(lab, who)
    async with clock(lab, "hub", ahead=360, seconds=300):
        await lab.programs.restart("hub")
        await lab.forget_hub()
        late = await open_page(lab, who, leads_to(back))
        assert late.status == 500
        assert "Failed to check authorization: invalid_grant" in await said(lab)
        assert "jupyterhub-user-alice" not in names(who)
        again = await open_page(lab, who, leads_to(await until_callback(lab, who)))
    assert (again.status, leads_to(again)) == (302, PAGE)


@pytest.mark.sabotage("server.snippet", "../changes/states_are_not_used_up.py")
async def test_a_hub_that_is_away_at_the_callback(lab: LiveLab) -> None:
    """500, and the state is used up though the code is not: 403 the second time, then anew."""
    await lab.spawn("alice", on="node1")
    who = await lab.enter(credentials(lab, "alice"))
    back = await until_callback(lab, who)
    await lab.programs.end("hub")
    await lab.forget_hub()
    assert (await open_page(lab, who, leads_to(back))).status == 500
    assert STATE_COOKIE not in names(who)
    await lab.programs.start("hub")
    await lab.programs.until_ready("hub")
    assert len(await table_rows(lab, "oauth_codes")) == 1
    assert (await open_page(lab, who, leads_to(back))).status == 403
    anew = await open_page(lab, who, leads_to(await until_callback(lab, who)))
    assert (anew.status, leads_to(anew)) == (302, PAGE)


@pytest.mark.finding(
    "A sign-in that was begun before its server restarted ends with 500",
    project="jupyterhub",
    steps="Open a server's page without being signed in there, up to the hub's form; restart the "
    "server (it was culled, its node rebooted); sign in.",
    expected="The server's page: get_next_url falls back to it where what was remembered is gone, "
    "and so it is with pkce_enabled = False.",
    seen="500, in the log 'Failed to check authorization: Code verifier required.': since 6.0 the "
    "proof of the code (PKCE) is remembered in the server's memory alone. State and cookie are "
    "right, the code is used without its code_verifier, and the hub refuses it.",
)
@pytest.mark.matrix(PKCE, [False, True])
async def test_a_server_that_restarted_meanwhile(lab: LiveLab, case: Case) -> None:
    """Its page without PKCE, 500 with it: the state is right, what was remembered is gone."""
    await lab.spawn("alice", on="node1")
    who = await lab.enter(credentials(lab, "alice"))
    page = await open_page(lab, who, PAGE)
    await lab.stop("alice")
    await lab.spawn("alice", on="node1")
    back = await open_page(lab, who, leads_to(page))
    assert path_of(back) == CALLBACK
    end = await open_page(lab, who, leads_to(back))
    if case[PKCE] is False:
        assert (end.status, leads_to(end)) == (302, "/user/alice/")
    else:
        assert end.status == 500
        assert "Failed to check authorization: Code verifier required." in await said(lab)


@pytest.mark.finding(
    "oauth_state_max_age does not change the Max-Age of the state cookie",
    project="jupyterhub",
    steps="HubOAuth.oauth_state_max_age = 2 in a single-user server; open its page, read the "
    "cookie; go on three seconds later.",
    expected="Max-Age=2, and the browser has no state any more, so that the callback is 403 'oauth "
    "state does not match. Try logging in again.': it 'governs both oauth state cookie Max-Age, as "
    "well as the in-memory _oauth_states cache'.",
    seen="Max-Age=600, a constant of set_state_cookie. The server has forgotten, the browser has "
    "not, and the callback is 500, in the log 'Failed to check authorization: Code verifier "
    "required.'.",
)
@pytest.mark.matrix(REMEMBERED, [2])
@pytest.mark.sabotage(REMEMBERED, 600)
async def test_a_state_that_the_server_has_forgotten(lab: LiveLab) -> None:
    """Two seconds are set: the cookie says 600, and a callback that comes later is 500."""
    await lab.spawn("alice", on="node1")
    who = await lab.enter(credentials(lab, "alice"))
    page = await open_page(lab, who, PAGE)
    (cookie,) = [
        value
        for name, value in page.headers
        if name.lower() == "set-cookie" and value.startswith(STATE_COOKIE)
    ]
    assert re.findall(r"(?i)max-age=(\d+)", cookie) == ["600"]
    back = await open_page(lab, who, leads_to(page))
    begun = time.monotonic()

    async def passed() -> bool:
        return time.monotonic() - begun > 3

    await until(passed, what="three seconds")
    end = await open_page(lab, who, leads_to(back))
    assert end.status == 500
    assert "Failed to check authorization: Code verifier required." in await said(lab)
