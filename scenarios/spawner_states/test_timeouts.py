"""Two timeouts bound a start, one for each phase; neither knows that the process has ended.

Why it matters: on other hosts both phases take longer, and it is the administrator who raises the
timeouts. Which one ran out is told to the user by a text that is empty for the one and misleading
for the other.

Sources:
- jupyterhub 6.1.1, spawner.py, `start_timeout` (60 s): "the timeout for start to return, not the
  timeout for the server to respond"; user.py, `User.spawn`: `asyncio.wait_for` around
  `Spawner.start` alone, so hooks before it are not bounded.
- `http_timeout` (30 s): "Once a server has successfully been spawned, this is the amount of time we
  wait"; utils.py, `wait_for_http_server`: "Server at ... didn't respond in N seconds".
- `LocalProcessSpawner.start` returns when the process was started; nobody asks whether it still
  runs before `slow_spawn_timeout` (10 s) or http_timeout are over (handlers/base.py,
  `spawn_single_user`, "check if the server died while we were waiting"). `SSHSpawner.start`
  returns when the server listens on its node.
- jupyterhub#4003 (open): the timeout of the hub comes first and hides the spawner's own words.
"""

from __future__ import annotations

from typing import Any

import pytest

from hublab.scenario import Case, Hub, LiveLab, flag_file, until, until_state

START = "hub.Spawner.start_timeout"
SPAWNER = "hub.JupyterHub.spawner_class"
TORNADO = "hub.JupyterHub.tornado_settings"
IMPATIENT = {"slow_spawn_timeout": 1}

pytestmark = pytest.mark.topology("lab")


async def failed_start(lab: LiveLab, hub: Hub) -> str:
    """The words with which alice's start fails, as the progress stream ends with them."""
    await hub.ensure_user("alice")
    await hub.request("POST", "users/alice/server")

    async def last() -> dict[str, Any] | None:
        events = [event async for event in hub.progress("alice", "")]
        return events[-1]

    event = await until(last, what="the end of the stream")
    assert event is not None
    assert event["failed"] is True
    return str(event["message"])


@pytest.mark.issue(
    "jupyterhub#4003", happens=True, workaround="a spawner that ends earlier by itself"
)
@pytest.mark.finding(
    "A start that exceeds start_timeout fails without any words",
    project="jupyterhub",
    steps="start_timeout = 1 and a spawner whose start takes longer; follow the progress.",
    expected='A reason, as for http_timeout ("Server at ... didn\'t respond in 30 seconds") and as '
    'in the hub\'s log ("failed to start in 1 seconds, giving up").',
    seen='The stream ends with "Spawn failed: ": the TimeoutError of asyncio.wait_for has no text.',
)
@pytest.mark.matrix("hub.snippet", ["slow_start.py"])
@pytest.mark.matrix(START, [1, 2])
async def test_start_timeout_has_no_words(lab: LiveLab, case: Case) -> None:
    """Spawn timeout, cut from 60 s: "failed to start in" stands in the log, nothing on the page."""
    assert await failed_start(lab, await lab.hub()) == "Spawn failed: "
    log = await lab.hub_log()
    assert f"failed to start in {case[START]} seconds, giving up" in log


@pytest.mark.matrix("server.snippet", ["slow_server.py"])
@pytest.mark.matrix(START, [1, 24])
async def test_sshspawner_says_which_time_was_too_short(lab: LiveLab, case: Case) -> None:
    """The same with SSHSpawner, whose server never listens: it says which time was not enough."""
    hub = await lab.hub()
    async with flag_file(lab, "node1", "server"), flag_file(lab, "node2", "server"):
        words = await failed_start(lab, hub)
    await until_state(lab, "alice", "stopped")
    assert ("not started within 1 s" if case[START] == 1 else "did not listen in time") in words


@pytest.mark.issue(
    "jupyterhub#4003", happens=True, workaround="a spawner that watches what it starts"
)
@pytest.mark.matrix("hub.Spawner.cmd", [["/bin/false"]])
@pytest.mark.matrix("hub.Spawner.http_timeout", [3])
@pytest.mark.matrix(SPAWNER, ["simple", "ssh"])
async def test_only_one_spawner_says_that_the_process_ended(lab: LiveLab, case: Case) -> None:
    """Shortened from 30 s: one spawner says what happened, the other that nobody answered."""
    words = await failed_start(lab, await lab.hub())
    await until_state(lab, "alice", "stopped")
    if case[SPAWNER] == "simple":
        assert words.endswith("/user/alice/api didn't respond in 3 seconds")
    else:
        assert "didn't respond" not in words
        assert "ended with status 1" in words  # as false(1) does


async def answer_to_a_dead_process(lab: LiveLab) -> tuple[str, str, str]:
    """Of a start whose process has ended: what the request and the stream say, and the log."""
    hub = await lab.hub()
    await hub.ensure_user("alice")
    status, answer = await hub.request("POST", "users/alice/server")
    assert status == 500
    events = [event async for event in hub.progress("alice", "")]
    await until_state(lab, "alice", "stopped")
    log = await lab.hub_log()
    return answer["message"], str(events[-1]["message"]), log


@pytest.mark.finding(
    "The exit status of a server that ended while it started is never told",
    project="jupyterhub",
    steps='Spawner.cmd = ["/bin/false"] with SimpleLocalProcessSpawner; POST '
    "/hub/api/users/alice/server, which waits for slow_spawn_timeout (10 s) and one second more.",
    expected='500, "Spawner failed to start [status=1]. The logs for alice may contain details." '
    "(handlers/base.py, spawn_single_user).",
    seen='500, "Internal Server Error", and a traceback in the log of the hub: InvalidStateError, '
    '"Exception is not set". spawn_single_user asks the future of the start for its exception, '
    "and that future has none as long as http_timeout goes on. So since jupyterhub 5.3.0.",
)
@pytest.mark.matrix("hub.Spawner.cmd", [["/bin/false"]])
@pytest.mark.matrix("hub.Spawner.http_timeout", [6])
@pytest.mark.matrix(SPAWNER, ["simple"])
@pytest.mark.matrix(TORNADO, [IMPATIENT, {"slow_spawn_timeout": 10}])
async def test_the_exit_status_is_lost_with_an_early_timeout(lab: LiveLab, case: Case) -> None:
    """Shortened: the request looks after its own time, or the spawn has given up before."""
    answer, told, log = await answer_to_a_dead_process(lab)
    assert answer == "Internal Server Error"
    assert told.endswith("/user/alice/api didn't respond in 6 seconds")
    assert ("InvalidStateError" in log) == (case[TORNADO] == IMPATIENT)


@pytest.mark.slow
@pytest.mark.matrix("hub.Spawner.cmd", [["/bin/false"]])
@pytest.mark.matrix(SPAWNER, ["simple"])
@pytest.mark.sabotage("hub.Spawner.http_timeout", 3)
async def test_by_default_a_dead_start_takes_30_seconds(lab: LiveLab) -> None:
    """Unshortened: asked about it after 10 s by the request, given up after 30 s by the spawn."""
    answer, told, log = await answer_to_a_dead_process(lab)
    assert answer == "Internal Server Error"
    assert told.endswith("/user/alice/api didn't respond in 30 seconds")
    assert "InvalidStateError" in log
