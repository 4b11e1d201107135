"""Two tabs sign in at one server, and neither spoils the other; a second callback leads on.

Why it matters: a browser that restores its tabs opens a server's page several times at once, and
each goes its way over two hosts. People reload what looks stuck, and that may be the callback.

Sources:
- jupyterhub 6.1.1, services/auth.py, `set_state_cookie`: "oauth state cookie is already set, use a
  randomized cookie suffix to avoid collisions in case of concurrent logins";
  `get_state_cookie_name`: "the cookie name is randomized to deal with races between concurrent
  oauth sequences".
- `HubOAuthCallbackHandler.get`: "clear _all_ oauth state cookies on success"; "completing oauth
  with stale state, but already logged in ... don't complete oauth (no new token), but do complete
  redirecting to the destination"; `get_next_url`: the server's own page where that is forgotten.
"""

from __future__ import annotations

import pytest

from hublab.scenario import LiveLab, credentials, table_rows

from .oauth_steps import CLIENT, PAGE, STATE_COOKIE, leads_to, names, open_page, until_callback

PAGES = (PAGE, f"{PAGE}/tree/two")
"""What each of two tabs wants to show."""

pytestmark = pytest.mark.topology("lab")


async def tokens(lab: LiveLab) -> int:
    """How many tokens alice's server has got for browsers."""
    return len([one for one in await table_rows(lab, "api_tokens") if one["client_id"] == CLIENT])


@pytest.mark.issue(
    "jupyterhub#1438",
    "jupyterhub#2351",
    happens=False,
    workaround="none needed: jupyterhub#1439 gives each sign-in a cookie of its own",
)
@pytest.mark.sabotage("server.snippet", "../changes/one_state_cookie.py")
@pytest.mark.sabotage(
    "server.snippet", "../changes/first_page_for_all.py", sentence="each comes to its own page"
)
async def test_two_tabs(lab: LiveLab) -> None:
    """The older one first or the newer one: each comes to its own page, with a cookie of its own
    for its state on the way; who comes second needs no token any more, and gets none.
    """
    await lab.spawn("alice", on="node1")
    for order in ((0, 1), (1, 0)):
        who, before = await lab.enter(credentials(lab, "alice")), await tokens(lab)
        pages = [await open_page(lab, who, wanted) for wanted in PAGES]
        assert len([name for name in names(who) if name.startswith(STATE_COOKIE)]) == 2
        backs = [await open_page(lab, who, leads_to(page)) for page in pages]
        ends = [await open_page(lab, who, leads_to(backs[tab])) for tab in order]
        assert [(end.status, leads_to(end)) for end in ends] == [(302, PAGES[tab]) for tab in order]
        assert not [name for name in names(who) if name.startswith(STATE_COOKIE)]
        assert await tokens(lab) == before + 1
        assert (await open_page(lab, who, PAGE)).status == 200


@pytest.mark.sabotage("server.snippet", "../changes/states_are_not_used_up.py")
async def test_a_callback_that_comes_again(lab: LiveLab) -> None:
    """It leads to the server's own page, without a second token, and she is signed in as before."""
    await lab.spawn("alice", on="node1")
    who = await lab.enter(credentials(lab, "alice"))
    back = await until_callback(lab, who)
    for leads in (PAGE, "/user/alice/"):
        end = await open_page(lab, who, leads_to(back))
        assert (end.status, leads_to(end)) == (302, leads)
    assert await tokens(lab) == 1
    assert (await open_page(lab, who, PAGE)).status == 200
