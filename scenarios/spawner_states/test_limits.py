"""Each limit refuses in its own way, and one of them ends the hub.

Why it matters: limits protect the nodes from a class that signs in at once. A client can wait and
try again only if it is told to, and the limit on failures is meant for a hub that is restarted by
somebody: without that it stays down.

Sources:
- jupyterhub 6.1.1, app.py, `concurrent_spawn_limit`, `active_server_limit`: 429, "asking them to
  try again"; handlers/base.py, `spawn_single_user`, checks the first of them first and suggests for
  it alone a time by the header Retry-After, from `spawn_throttle_retry_range` (30, 60).
- jupyterhub/handlers/base.py, `UserDict.count_active_users` (user.py): a pending spawn is active.
- jupyterhub/spawner.py, `consecutive_failure_limit`: "Maximum number of consecutive failures to
  allow before shutting down JupyterHub"; handlers/base.py, `_track_failure_count`: errors count,
  "handled rejections" (SpawnException, HTTPError below 500) do not, and "spawn succeeded, reset
  failure count"; the hub exits with code 1.
"""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from hublab.scenario import Answer, Ask, Case, LiveLab, ask, credentials, flag_file, until

CONCURRENT = "hub.JupyterHub.concurrent_spawn_limit"
ACTIVE = "hub.JupyterHub.active_server_limit"
FAILURES = "hub.Spawner.consecutive_failure_limit"
USERS = ("alice", "bob", "carol")
GOES_ON = 3.0
"""Seconds for which a hub is watched that is not to end: it ends two seconds after the failure
that reaches the limit ("abort in 2 seconds to allow pending handlers to resolve").
"""
POLL = 0.2
THROTTLED = "Too many users trying to log in right now. Try again in "
FULL = "Active user limit exceeded. Try again in a few minutes."

pytestmark = [pytest.mark.topology("lab"), pytest.mark.matrix("hub.snippet", ["hooks.py"])]


def refusals(concurrent: int, active: int) -> list[str]:
    """What each of three users is told whose starts are pending at the same time, in order."""
    told: list[str] = []
    for _ in USERS:
        pending = sum(not words for words in told)
        if concurrent and pending >= concurrent:
            told.append(THROTTLED)
        elif active and pending >= active:
            told.append(FULL)
        else:
            told.append("")
    return told


async def start(lab: LiveLab, user: str) -> Answer:
    """Ask for a server as the user, by the user's own token, through the proxy."""
    async with credentials(lab, user, token=True) as who:
        return await ask(lab, Ask(f"/hub/api/users/{user}/server", "POST"), who)


@pytest.mark.issue("jupyterhub#3396", happens=False, workaround="concurrent_spawn_limit")
@pytest.mark.matrix(CONCURRENT, [0, 1])
@pytest.mark.matrix(ACTIVE, [0, 2])
@pytest.mark.matrix("hub.JupyterHub.tornado_settings", [{"slow_spawn_timeout": 0}])
async def test_each_limit_refuses_in_its_own_way(lab: LiveLab, case: Case) -> None:
    """Three users start at once, and none of the starts comes to an end."""
    hub = await lab.hub()
    for user in USERS:
        await hub.ensure_user(user)
    async with flag_file(lab, "hub", "pre_spawn_hook"):
        answers = [await start(lab, user) for user in USERS]

    expected = refusals(int(str(case[CONCURRENT])), int(str(case[ACTIVE])))
    for answer, words in zip(answers, expected, strict=True):
        assert answer.status == (429 if words else 202)
        assert words in answer.body.decode()
        retry = answer.header("Retry-After")
        assert (retry is not None) == (words == THROTTLED)
        assert retry is None or 30 <= int(retry) <= 60


@pytest.mark.matrix(FAILURES, [0, 2])
@pytest.mark.sabotage(FAILURES, 1)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/rejections_count.py", sentence="Rejections do not count"
)
@pytest.mark.sabotage(
    "hub.snippet",
    "../changes/successes_forget_no_failure.py",
    sentence="a start that succeeds begins the row anew",
)
async def test_failures_in_a_row_end_the_hub(lab: LiveLab, case: Case) -> None:
    """Rejections do not count, errors in a row do; a start that succeeds begins the row anew."""
    await (await lab.hub()).ensure_user("alice")
    assert await failed_start(lab, "SpawnException") == 503
    assert await failed_start(lab, "HTTPError 403") == 403
    await goes_on(lab)
    assert await failed_start(lab, "ValueError") == 500
    await goes_on(lab)
    await lab.spawn("bob")
    assert await failed_start(lab, "ValueError") == 500
    await goes_on(lab)
    assert await failed_start(lab, "ValueError") == 500
    if case[FAILURES]:
        assert await until(partial(exit_code, lab), what="the end of the hub") == 1
    else:
        await goes_on(lab)


async def failed_start(lab: LiveLab, raised: str) -> int:
    """What a start is answered that fails with this in the hub's pre_spawn_hook."""
    async with flag_file(lab, "hub", "pre_spawn_hook", raised):
        status, _ = await (await lab.hub()).request("POST", "users/alice/server")
        return status


async def exit_code(lab: LiveLab) -> int | None:
    """With which code the hub has ended, None while it runs."""
    state = await lab.programs.status("hub")
    return state.exit_code if state.ended else None


async def goes_on(lab: LiveLab) -> None:
    """Watch the hub for as long as it takes to end after a failure that counts."""
    begun = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - begun < GOES_ON:
        assert await exit_code(lab) is None
        await asyncio.sleep(POLL)
