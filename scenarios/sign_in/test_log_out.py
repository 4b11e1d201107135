"""Logging out ends one browser's session at hub and servers at once, and nothing else.

Why it matters: cookies of hub and servers are made by different hosts, and one click has to end
them all. Who logs out on a borrowed machine wants that; who expects it to end another browser, a
script's token or the server itself is mistaken.

Sources:
- JupyterHub documentation, "JupyterHub and OAuth", "Logging out": `jupyterhub-session-id` is shared
  by hub and servers, and "Resetting this cookie effectively revokes all cached results", for a
  server keeps what it was told by session; services/auth.py, `user_for_token`: `cache_key`.
- jupyterhub 6.1.1, handlers/base.py, `clear_login_cookie`: the tokens of this session are deleted,
  and the hub's own cookies taken back; the servers' cookies are theirs, and stay in the browser.
- `JupyterHub.shutdown_on_logout`: "Shuts down all user servers on logout", False by default.
- apihandlers/users.py, `UserTokenAPIHandler.delete`: "deleting an oauth token deletes *all* oauth
  tokens for that client".
- singleuser/extension.py, `JupyterHubLogoutHandler`: the server's `/logout` takes the server's
  cookie back and leads to the hub's.
"""

from __future__ import annotations

import pytest

from hublab.scenario import (
    Ask,
    Case,
    Credentials,
    DatabaseReader,
    LiveLab,
    ask,
    credentials,
    server_state,
    until_state,
)

from .oauth_steps import AUTHORIZE, CLIENT, PAGE, leads_to, names, open_page, path_of
from .tokens import AT_HUB, AT_SERVER, make_token, questions_of, status_for

STOPS = "hub.JupyterHub.shutdown_on_logout"
HUB_LOGOUT, SERVER_LOGOUT = "/hub/logout", "/user/alice/logout"

pytestmark = pytest.mark.topology("lab")


async def sessions(lab: LiveLab) -> int:
    """How many sessions have a token for alice's server."""
    rows = (await DatabaseReader(lab).read())["api_tokens"].rows
    return len([row for row in rows if row["client_id"] == CLIENT])


async def two_browsers(lab: LiveLab) -> list[Credentials]:
    """Alice signed in twice, with her server's page open in each."""
    await lab.spawn("alice", on="node1")
    both = [await lab.enter(credentials(lab, "alice", server="")) for _ in range(2)]
    assert await sessions(lab) == 2
    return both


@pytest.mark.issue(
    "jupyterhub#2845",
    "jupyterhub#2529",
    happens=False,
    workaround="a log-out revokes the tokens of its session",
)
@pytest.mark.matrix(STOPS, [False, True])
@pytest.mark.sabotage(
    "hub.snippet", "../changes/log_out_takes_all.py", sentence="another, and a token, are in"
)
async def test_what_a_log_out_ends(lab: LiveLab, case: Case) -> None:
    """One browser is out everywhere; another, and a token, are in; the server runs, if it may."""
    leaving, staying = await two_browsers(lab)
    token = await make_token(lab)
    assert await status_for(lab, AT_SERVER, token.text) == 200
    asked = await questions_of(lab, "node1")

    out = await ask(lab, Ask(HUB_LOGOUT), leaving)
    assert (out.status, path_of(out)) == (302, "/hub/login")
    assert names(leaving) == {"_xsrf", CLIENT}
    assert path_of(await ask(lab, Ask("/hub/home"), leaving)) == "/hub/login"
    assert (await ask(lab, Ask("/hub/home"), staying)).status == 200
    assert await status_for(lab, AT_HUB, token.text) == 200
    if case[STOPS]:
        await until_state(lab, "alice", "stopped")
        assert await sessions(lab) == 0
        return
    assert str(await server_state(lab, "alice")) == "ready"
    assert await sessions(lab) == 1
    # The server's own cookie is still sent, and asked about anew: the session is another one.
    page = await open_page(lab, leaving, PAGE)
    assert (page.status, path_of(page)) == (302, AUTHORIZE)
    assert CLIENT not in names(leaving)
    assert await questions_of(lab, "node1") == [*asked, 403]
    assert (await open_page(lab, staying, PAGE)).status == 200
    assert await status_for(lab, AT_SERVER, token.text) == 200
    assert await questions_of(lab, "node1") == [*asked, 403]


@pytest.mark.sabotage("server.snippet", "../changes/keeps_its_cookie.py")
async def test_the_servers_log_out_leads_to_the_hubs(lab: LiveLab) -> None:
    """From the server's page: its cookie goes first, then the hub's; the other browser stays."""
    leaving, staying = await two_browsers(lab)
    out = await open_page(lab, leaving, SERVER_LOGOUT)
    assert (out.status, leads_to(out)) == (302, HUB_LOGOUT)
    assert CLIENT not in names(leaving)
    assert await sessions(lab) == 2
    await open_page(lab, leaving, HUB_LOGOUT)
    assert await sessions(lab) == 1
    assert path_of(await ask(lab, Ask("/hub/home"), leaving)) == "/hub/login"
    assert (await open_page(lab, staying, PAGE)).status == 200


@pytest.mark.sabotage("server.snippet", "../changes/asks_each_time.py")
async def test_revoking_one_session_ends_the_others_too(lab: LiveLab) -> None:
    """One of two sessions taken back as a token: both rows go. What the server keeps, it keeps by
    session, so each browser goes on until its own is another one.
    """
    browsers = await two_browsers(lab)
    hub = await lab.hub()
    listed = (await hub.get("users/alice/tokens"))["api_tokens"]
    ours = [one["id"] for one in listed if one["oauth_client"] == "Server at /user/alice/"]
    assert len(ours) == 2
    await hub.drop_token("alice", ours[0])
    assert await sessions(lab) == 0
    assert [(await open_page(lab, who, PAGE)).status for who in browsers] == [200, 200]
    browsers[0].jar.clear(lambda morsel: morsel.key == "jupyterhub-session-id")
    assert [(await open_page(lab, who, PAGE)).status for who in browsers] == [302, 200]
