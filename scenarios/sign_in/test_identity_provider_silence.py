"""An identity provider that is not there, or does not answer: who waits how long, and who else.

Why it matters: a connection that is refused is noticed at once. Packets that are dropped, a frozen
machine and a slow one are not, and the hub asks while a person looks at an empty page.

Sources:
- tornado 6.6, httpclient.py, `HTTPRequest`: `connect_timeout` and `request_timeout` are 20 seconds
  each, "float, default 20.0"; oauthenticator's `http_request_kwargs` may set others.
- oauthenticator 17.4.0, oauth2.py, `fetch`: the error is raised as it came, so the page is a 500.
- JupyterHub documentation, `auth_refresh_age`: the hub asks in the middle of other requests too.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager

import pytest

from hublab.scenario import (
    Answer,
    Ask,
    Case,
    Credentials,
    LiveLab,
    ask,
    freeze,
    fresh_browser,
    partition,
    until,
)

from .identity_provider import (
    PROVIDER,
    go_on,
    heard,
    provider_options,
    sign_in,
    status_of,
    until_callback,
    until_form,
)
from .tokens import AT_HUB, Token, make_token, status_for

STATE, AGE = "hub.GenericOAuthenticator.enable_auth_state", "hub.Authenticator.auth_refresh_age"
KWARGS = "hub.GenericOAuthenticator.http_request_kwargs"
PATIENT: dict[str, object] = {}
HASTY: dict[str, object] = {"connect_timeout": 2, "request_timeout": 2}
LATE = 6.0
"""Seconds that an answer may be late on a busy machine."""

pytestmark = [pytest.mark.topology("lab", "identity-provider"), pytest.mark.slow]


def away(lab: LiveLab, how: str) -> AbstractAsyncContextManager[object]:
    """The provider does not answer the hub, for a block; its answers are 40 s late, if slow."""
    if how == "dropped":
        return partition(lab, "hub", PROVIDER, seconds=90)
    if how == "frozen":
        return freeze(lab, PROVIDER, seconds=90)
    return provider_options(lab, delay={"/token": 40})


async def waited(lab: LiveLab, who: Credentials, back: Answer) -> tuple[float, int, float]:
    """How long a callback takes and what it is answered; how long somebody else waits meanwhile."""
    begun = time.monotonic()
    callback = asyncio.create_task(go_on(lab, who, back))
    page = await ask(lab, Ask("/hub/login"), fresh_browser(lab))
    others = time.monotonic() - begun
    assert page.status == 200
    answer = await callback
    return time.monotonic() - begun, answer.status, others


@pytest.mark.issue(
    "jupyterhub-deploy-docker#81",
    happens=True,
    workaround="a way from the hub's host to the provider",
)
@pytest.mark.matrix(KWARGS, [PATIENT, HASTY])
async def test_who_waits(lab: LiveLab, case: Case) -> None:
    """Dropped packets, a frozen host, a slow answer: the callback is 500 after 20 seconds in each
    case, or after as many as are set. Everybody else is served meanwhile, and nobody signed in.
    """
    wait = 2.0 if case[KWARGS] else 20.0
    seen = {}
    for how in ("dropped", "frozen"):
        who = fresh_browser(lab)
        back = await until_callback(lab, who, await until_form(lab, who))
        async with away(lab, how):
            seen[how] = await waited(lab, who, back)
        assert await status_of(lab, who) == 302
    async with away(lab, "slow"):
        who = fresh_browser(lab)
        back = await until_callback(lab, who, await until_form(lab, who))
        seen["slow"] = await waited(lab, who, back)
    assert await status_of(lab, who) == 302
    assert {status for _, status, _ in seen.values()} == {500}
    for seconds, _, others in seen.values():
        assert wait - 0.1 < seconds < wait + LATE
        assert others < LATE


@pytest.mark.matrix(STATE, [True])
@pytest.mark.matrix(AGE, [1])
@pytest.mark.matrix(KWARGS, [PATIENT, HASTY])
async def test_requests_by_token_wait_too(lab: LiveLab, case: Case) -> None:
    """With auth state each of the user's own requests whose age is over waits as long, and is then
    refused; a service's request is answered meanwhile.
    """
    wait = 2.0 if case[KWARGS] else 20.0
    who = fresh_browser(lab)
    assert (await sign_in(lab, who)).status == 302
    token = await make_token(lab)
    asked = len(await heard(lab))
    await until(lambda: asks_anew(lab, token, asked), what="an age to be over")
    async with freeze(lab, PROVIDER, seconds=90):
        begun = time.monotonic()
        statuses = [await status_for(lab, AT_HUB, token.text)]
        while statuses[-1] == 200:  # until the last answer of the provider is an age old
            begun = time.monotonic()
            statuses.append(await status_for(lab, AT_HUB, token.text))
        seconds = time.monotonic() - begun
        begun = time.monotonic()
        assert (await (await lab.hub()).get("user"))["name"] == "hublab"
        others = time.monotonic() - begun
    assert statuses[-1] == 403
    assert wait - 0.1 < seconds < wait + LATE
    assert others < LATE


async def asks_anew(lab: LiveLab, token: Token, asked: int) -> bool:
    """Whether a request by token has made the hub ask the provider once more."""
    await status_for(lab, AT_HUB, token.text)
    return len(await heard(lab)) > asked
