"""One password at the identity provider opens two servers, two services and a second hub; a log-out
ends what its own host knows of, and the others notice at once, late, or never.

Why it matters: people call that single sign-on and expect a single log-out. Each host has a cookie
and a memory of its own. Who is told by whom decides whether a borrowed machine is left open.

Sources:
- OpenID Connect Core 1.0, 3.1.2.3: the provider authenticates a user who "is not already
  Authenticated"; RP-Initiated Logout 1.0, 2: what ends its session; oauthenticator 17.4.0 has none
  of Back-Channel Logout 1.0, by which a provider would tell its clients.
- JupyterHub documentation, "JupyterHub and OAuth", "Logging out": it "means clearing and revoking
  many of these credentials"; "The shared `jupyterhub-session-id` is cleared, which ensures that the
  HubAuth token response cache will not be used, and the next request with the expired token will
  ask the Hub"; RFC 6265, 5.1.3: another host does not get that cookie.
- `HubAuth.cache_max_age`: "The maximum time (in seconds) to cache the Hub's responses for
  authentication. [...] Default: 300 (five minutes)"; services/auth.py, `user_for_token`: kept by
  session and token.
- services/service.py, `Service.oauth_redirect_uri`: "Must be set for external services that are not
  accessed through the proxy"; `HubOAuth.clear_cookie`: "Clear the OAuth cookie".
- singleuser/extension.py, `JupyterHubLogoutHandler`: the server's `/logout` leads to the hub's;
  jupyterhub 6.1.1, handlers/base.py, `clear_login_cookie`: all tokens of the session.
- `auth_refresh_strict`, False by default: requests by token go on with stale auth; "if auth
  freshness is strictly required, this can be set to True".
- oauthenticator, `refresh_user`: always true without `enable_auth_state`.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Case, DatabaseReader, LiveLab, fresh_browser, table_rows, until

from .boards import ROLES, SERVICES, running
from .everywhere import (
    BOTH,
    BY_HUB_A,
    HOST,
    INSIDE,
    MAY,
    OUT,
    OUTSIDE,
    PLACES,
    TOPOLOGY,
    all_run,
    leave,
    open_all,
    open_to,
)
from .identity_provider import PROVIDER, sign_in
from .kept_answers import first_answer, until_another
from .oauth_steps import open_page
from .tokens import questions_of

STATE = "hub.GenericOAuthenticator.enable_auth_state"
AGE, STRICT = "hub.Authenticator.auth_refresh_age", "hub.Authenticator.auth_refresh_strict"
EVERYWHERE = {*PLACES, PROVIDER}
OF_A = {"hub A", "server", "second server", "inside"}
ENDS = {
    "hub A": OF_A,
    "server": OF_A,
    "inside": {"inside"},
    "outside": {"outside"},
    "hub B": {"hub B"},
    PROVIDER: {PROVIDER},
}
"""Where somebody logs out -> the places that do not let them in right afterwards."""
CLIENTS = {
    "jupyterhub-user-alice",
    "jupyterhub-user-alice-second",
    "service-inside",
    "service-outside",
}
"""The OAuth clients whose tokens belong to a session of hub A."""
SECONDS = 4
"""For which servers and services keep the hub's answers where that is shortened."""
HOSTS = {"node1": 1, "node2": 1, HOST: 2}
"""The hosts of what asks hub A, and how many of them it has."""

pytestmark = [
    pytest.mark.topology(*TOPOLOGY),
    pytest.mark.matrix(ROLES, [MAY]),
]


@pytest.mark.matrix(SERVICES, [BOTH])
@pytest.mark.sabotage(ROLES, [])
async def test_a_log_out_in_each_place(lab: LiveLab) -> None:
    """A password is typed once for all, and again after a log-out at the provider alone. A log-out
    at hub A, or by a server's menu, ends what is behind its proxy, and not the service at its own
    address; one anywhere else ends nothing but itself.
    """
    async with all_run(lab):
        for where, ended in ENDS.items():
            who = fresh_browser(lab)
            assert await open_all(lab, who) == 1
            assert await open_to(lab, who) == EVERYWHERE
            await leave(lab, who, where)
            assert await open_to(lab, who) == EVERYWHERE - ended, where
            assert await open_all(lab, who) == (1 if where == PROVIDER else 0), where
            assert await open_to(lab, who) == EVERYWHERE


@pytest.mark.finding(
    "A service at an address of its own does not notice a log-out for five minutes",
    project="jupyterhub",
    steps="An external service that is not behind the hub's proxy (oauth_redirect_uri at a host of "
    "its own, HubOAuthenticated); open it; log out at the hub; open it again.",
    expected="A sign-in, as at servers and services behind the proxy: 'jupyterhub-session-id is "
    "cleared, which ensures that the HubAuth token response cache will not be used' (JupyterHub "
    "and OAuth, Logging out).",
    seen="It lets the user in until cache_max_age is over, for it keeps what it was told by "
    "session and token, and the cookie of the session does not reach its host: the session is '' "
    "before and after. Its token was revoked at once.",
)
@pytest.mark.matrix(SERVICES, [[INSIDE.spec], [OUTSIDE.spec]])
async def test_when_a_service_notices(lab: LiveLab, case: Case) -> None:
    """After a log-out at the hub: at the first request behind the proxy, although it keeps answers
    for five minutes; at an address of its own when the answer is as old as it may be.
    """
    outside = case[SERVICES] == [OUTSIDE.spec]
    board, name = (OUTSIDE, "outside") if outside else (INSIDE, "inside")
    kept_for = {"kept": SECONDS} if outside else {}
    async with running(lab, board, "nobody", **kept_for):
        who = fresh_browser(lab)
        assert (await sign_in(lab, who)).status == 302
        kept = await first_answer(lambda: PLACES[name].opened(lab, who))
        assert kept.first == 200
        await open_page(lab, who, OUT)
        clients = [row["client_id"] for row in await table_rows(lab, "api_tokens")]
        assert f"service-{name}" not in clients
        await until_another(kept, lambda: PLACES[name].status(lab, who))
        assert kept.other == 302
        if outside:
            assert kept.at_least <= SECONDS <= kept.at_most
        else:
            assert kept.last_asked == 0.0  # the first request after the log-out
        assert (await questions_of(lab, HOST))[-1] == 403


@pytest.mark.matrix(SERVICES, [BOTH])
@pytest.mark.matrix(STATE, [True])
@pytest.mark.matrix(AGE, [1])
@pytest.mark.matrix(STRICT, [False, True])
@pytest.mark.matrix("server.HubOAuth.cache_max_age", [SECONDS])
async def test_a_log_out_at_the_provider_and_what_asks_the_hub(lab: LiveLab, case: Case) -> None:
    """Hub A sends its own pages to the sign-in. Servers and services ask it anew when their answers
    are old, and are told that all is well, unless that is strict; hub B never notices.
    """
    strict = case[STRICT] is True
    async with all_run(lab, kept=SECONDS):
        who = fresh_browser(lab)
        await open_all(lab, who)
        await leave(lab, who, PROVIDER)

        async def noticed() -> bool:
            return await PLACES["hub A"].status(lab, who) == 302

        await until(noticed, what="hub A to notice that the session is over")
        before = {host: len(await questions_of(lab, host)) for host in HOSTS}

        async def asked_anew() -> bool:
            for name in BY_HUB_A:
                await PLACES[name].status(lab, who)
            now = {host: len(await questions_of(lab, host)) - before[host] for host in HOSTS}
            return all(now[host] >= count for host, count in HOSTS.items())

        await until(asked_anew, what="each server and service to ask the hub anew")
        assert await open_to(lab, who) == {"hub B"} | (set() if strict else {*BY_HUB_A})
        answers = {host: (await questions_of(lab, host))[before[host] :] for host in HOSTS}
        assert {status for one in answers.values() for status in one} == {403 if strict else 200}


@pytest.mark.finding(
    "A log-out ends no session of servers and services once the sign-in has gone stale",
    project="jupyterhub",
    steps="An Authenticator whose refresh_user has become False (oauthenticator with auth state, "
    "after a log-out at the provider); log out by the menu of a server that is still open.",
    expected="The session ends as by any log-out: 'The token stored in the cookie for the "
    "single-user server will be revoked, based on its association with jupyterhub-session-id' "
    "(JupyterHub and OAuth, Logging out).",
    seen="The server's own cookie is gone and nothing else: LogoutHandler looks for the current "
    "user, finds none because the refresh was refused, and leaves tokens and the hub's cookies as "
    "they are. Another server and a service of the same browser stay open, and are told by the hub "
    "that their tokens are good.",
)
@pytest.mark.matrix(SERVICES, [BOTH])
@pytest.mark.matrix(AGE, [1])
@pytest.mark.matrix(STATE, [False, True])
async def test_a_log_out_when_the_provider_has_ended_first(lab: LiveLab, case: Case) -> None:
    """By a server's menu: with auth state, once hub A has noticed, that server alone is left and
    the session's tokens stay; without, all that is behind the hub's proxy ends as ever.
    """
    stale = case[STATE] is True
    async with all_run(lab):
        who = fresh_browser(lab)
        await open_all(lab, who)
        await leave(lab, who, PROVIDER)

        async def noticed() -> bool:
            return await PLACES["hub A"].status(lab, who) == (302 if stale else 200)

        await until(noticed, what="hub A's view of the session")
        await leave(lab, who, "server")
        left = {"second server", "inside"} if stale else set()
        assert await open_to(lab, who) == {"hub B", "outside"} | left
        rows = (await DatabaseReader(lab).read())["api_tokens"].rows
        sessions = [row["session_id"] for row in rows if row["client_id"] in CLIENTS]
        assert len(sessions) == (len(CLIENTS) if stale else 0)
