"""A hub whose clock is an hour wrong signs in as ever: what it signs, it reads itself.

Why it matters: hub, node and browser are three hosts with three clocks. A form that expires, a code
for five minutes, a cookie for two weeks and a token for one all carry times, and whoever sees a
sign-in fail suspects the clock. It is not the clock: each of them is judged by whoever made it.
(What does depend on it: test_token_life.py, test_jwt_authenticator.py, and the activity that
servers report, activity/test_clocks.py.)

Sources:
- jupyterhub 6.1.1, _xsrf_utils.py: tokens and their cookies are signed and read by the same host;
  tornado, `create_signed_value`, `decode_signed_value`: by the time that the host signs with.
- oauth/provider.py, `save_authorization_code`: five minutes of the hub's clock; services/auth.py:
  the server forgets a begun sign-in by a monotonic clock, and asks the hub whose a token is.
- jupyterhub/orm.py, `Expiring.now`: an end is set and judged by the hub's clock.
- RFC 6265, 5.2.2: Max-Age counts from when a cookie comes; 5.2.1: Expires is compared with the
  browser's clock, which is here fourteen days and more before it.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Ask, LiveLab, ask, clock, credentials, until_state

from .forms import start_by_form
from .oauth_steps import PAGE, leads_to, open_page, until_callback
from .tokens import AT_HUB, AT_SERVER, make_token, status_for

HOUR = 3600
JSON = (("Content-Type", "application/json"),)

pytestmark = pytest.mark.topology("lab")


async def signs_in_and_works(lab: LiveLab) -> list[int]:
    """The form, a start from the hub's page, the server's page, a write there; a token of a minute
    at hub and server.
    """
    who = await lab.enter(credentials(lab, "alice"))
    form = (await open_page(lab, who, "/hub/home")).status
    started = await start_by_form(lab, who)
    await until_state(lab, "alice", "ready")
    back = await until_callback(lab, who)
    called_back = await open_page(lab, who, leads_to(back))
    page = await open_page(lab, who, PAGE)
    write = await ask(lab, Ask("/user/alice/api/contents", "POST", JSON, b"{}", xsrf=True), who)
    token = await make_token(lab, expires_in=60)
    by_token = [await status_for(lab, one, token.text) for one in (AT_HUB, AT_SERVER)]
    return [form, started, called_back.status, page.status, write.status, *by_token]


@pytest.mark.sabotage("hub.snippet", "../changes/codes_by_another_clock.py")
async def test_an_hour_ahead_and_an_hour_behind(lab: LiveLab) -> None:
    """Form, XSRF, the code flow with the node, cookies and a token that is good for a minute."""
    for ahead in (HOUR, -HOUR):
        async with clock(lab, "hub", ahead=ahead, seconds=300):
            await lab.programs.restart("hub")
            await lab.forget_hub()
            seen = await signs_in_and_works(lab)
            await lab.stop("alice")
        assert seen == [200, 302, 302, 200, 201, 200, 200], ahead
