"""A PAM session is opened on the hub's host, in the hub's own process, and nothing of it reaches
the node where the server runs.

Why it matters: what a login brings (home directory, limits, mounted folders) is wanted where the
server runs. `open_sessions` brings it to the hub, for all users one over the other, and its
limits and its umask are the hub's from then on.

Sources:
- jupyterhub 6.1.1, auth.py, `open_sessions`, False by default: "Whether to open a new PAM
  session when spawners are started. This may trigger things like mounting shared filesystems,
  loading credentials, etc. ... The lifecycle of PAM sessions is not correct ... If any errors
  are encountered when opening/closing PAM sessions, this is automatically set to False";
  `PAMAuthenticator.pre_spawn_start` and `post_spawn_stop` call `pamela.open_session` and
  `close_session` in a thread of an executor.
- pam_mkhomedir(8): "will create a users home directory if it does not exist when the session
  begins"; pam_limits(8): "sets limits on the system resources that can be obtained in a
  user-session"; pam_umask(8): "to set the file mode creation mask", here `umask=027` of the
  account's GECOS field. setrlimit(2) and umask(2): both are of the whole process, whichever
  thread asks.
- pam_loginuid(8): "sets the loginuid process attribute"; Debian 13, /etc/pam.d/login: required.
  Linux, fs/proc/base.c, `proc_loginuid_write`: EPERM if the writing task is not the one of the
  file, and /proc/self is the process's first.
- `Spawner.pre_spawn_hook`: "An optional hook function that you can implement to do some
  bootstrapping work before the spawner starts. For example, create a directory for your user";
  user.py, `User.spawn`: after `pre_spawn_start`, in the hub.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from hublab.scenario import Case, LiveLab, hook_runs, until

from .host_accounts import ACCOUNTS, as_before, write

SERVICE, OPEN = (f"hub.PAMAuthenticator.{trait}" for trait in ("service", "open_sessions"))
NOTE, NOTED = "/usr/local/bin/note-session", "/tmp/pam-sessions"
SKELETON, LIMITS = "/etc/skel/of-this-host", "/etc/security/limits.d/bob.conf"
SERVICE_FILE = "/etc/pam.d/jupyterhub"
LINES = f"""
@include common-auth
@include common-account
session requisite pam_succeed_if.so quiet user != carol
session optional pam_exec.so {NOTE}
@include common-session
session required pam_limits.so
session required pam_mkhomedir.so
"""
"""What a site writes for its hub; carol stands for whomever a module of it refuses."""
OFF = "Disabling PAM sessions from now on."
PYTHON = "/opt/jupyter/bin/python"
IN_TWO_THREADS = """
import pamela, threading

def session(thread):
    try:
        pamela.open_session("alice", service="login")
    except pamela.PAMError as error:
        print(f"{thread}: {error.errno}")
    else:
        print(f"{thread}: None")

another = threading.Thread(target=session, args=["another"])
another.start()
another.join()
session("first")
"""
PROCESS = 'grep -h -e ^Umask: -e "^Max open files" "/proc/$1/status" "/proc/$1/limits"'

pytestmark = [
    pytest.mark.topology("lab", "pam"),
    pytest.mark.matrix(SERVICE, ["jupyterhub"]),
]


@asynccontextmanager
async def pam_of_the_hub(lab: LiveLab) -> AsyncIterator[None]:
    """A PAM service for the hub on its host, whose sessions are noted down, for a block."""
    changed = (NOTE, NOTED, SERVICE_FILE, SKELETON, LIMITS, "/home", *ACCOUNTS)
    async with as_before(lab, "hub", *changed):
        script = f'#!/bin/sh\necho "$PAM_TYPE $PAM_USER" >> {NOTED}\n'
        await write(lab, "hub", NOTE, script, 0o755)
        await write(lab, "hub", SERVICE_FILE, LINES)
        await write(lab, "hub", SKELETON, "")
        await write(lab, "hub", NOTED, "")
        yield


async def sessions(lab: LiveLab) -> list[str]:
    """What PAM did on the hub's host, in order: `open_session alice`, `close_session alice`."""
    return (await lab.run("hub", "cat", NOTED)).splitlines()


async def homes(lab: LiveLab, host: str) -> set[str]:
    """The users whose home on a host was made by its PAM, for it has what the skeleton has."""
    found = await lab.run(host, "find", "/home", "-name", SKELETON.rpartition("/")[2])
    return {path.split("/")[2] for path in found.split()}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What pam_limits and pam_umask change of a process."""

    files: int
    umask: str


async def bounds(lab: LiveLab, host: str, pid: int | None) -> Bounds:
    """Those of a process of a host."""
    lines = await lab.run(host, "sh", "-c", PROCESS, "-", str(pid))
    words = [line.split() for line in lines.splitlines()]
    (umask,) = [line[1] for line in words if line[0] == "Umask:"]
    (files,) = [line[3] for line in words if line[0] == "Max"]
    return Bounds(int(files), umask)


async def of_the_hub(lab: LiveLab) -> Bounds:
    return await bounds(lab, "hub", (await lab.programs.status("hub")).pid)


@pytest.mark.matrix(OPEN, [False, True])
@pytest.mark.matrix("hub.snippet", ["../spawner_states/hooks.py"])
async def test_where_a_session_is(lab: LiveLab, case: Case) -> None:
    """A session is of the hub's host, as root, where pre_spawn_hook runs too: there the home is
    made, not on the node. It is closed at the stop. Without open_sessions there is none.
    """
    opened = case[OPEN] is True
    async with pam_of_the_hub(lab):
        server = await lab.spawn("alice", on="node1")
        assert server.host == "node1"
        assert await sessions(lab) == (["open_session alice"] if opened else [])
        made = {host: await homes(lab, host) for host in ("hub", "node1")}
        assert made == {"hub": {"alice"} if opened else set(), "node1": set()}
        (run,) = await hook_runs(lab, "pre_spawn_hook")
        assert (run.printed["host"], run.printed["uid"]) == ("hub", 0)
        await lab.stop("alice")
        await lab.spawn("alice", on="node1")  # the end of the first one is over by then
        three = ["open_session alice", "close_session alice", "open_session alice"]
        assert await sessions(lab) == (three if opened else [])


@pytest.mark.finding(
    "Limits and umask of a user's PAM session are the hub's own from then on",
    project="jupyterhub",
    steps="open_sessions = True, a PAM service with pam_limits and pam_umask; bob has 'hard nofile "
    "500' and umask=027 on the hub's host; start and stop bob's server.",
    expected="They are for bob's session (pam_limits(8), 'in a user-session'), and over with it.",
    seen="The hub itself has 500 open files at most and umask 0027, for all users, and still after "
    "bob's session is closed; his server on the node has neither. The next session changes the "
    "umask again.",
)
@pytest.mark.matrix(OPEN, [True])
@pytest.mark.sabotage(OPEN, False)
async def test_limits_and_umask(lab: LiveLab) -> None:
    """A session's limits and umask are the hub's beyond its end: the umask until another session
    has one, the limits for good. They are not the server's.
    """
    async with pam_of_the_hub(lab):
        await lab.run("hub", "usermod", "--comment", "umask=027", "bob")
        await write(lab, "hub", LIMITS, "bob hard nofile 500\n")
        before = await of_the_hub(lab)
        assert before.files > 500
        assert before.umask == "0022"
        server = await lab.spawn("bob", on="node2")
        assert await of_the_hub(lab) == Bounds(500, "0027")
        at_node = await bounds(lab, "node2", server.pid)
        assert at_node.files > 500
        assert at_node.umask != "0027"
        await lab.stop("bob")

        async def closed() -> bool:
            return await sessions(lab) == ["open_session bob", "close_session bob"]

        await until(closed, what="the end of bob's session")
        assert await of_the_hub(lab) == Bounds(500, "0027")
        await lab.spawn("alice", on="node2")
        after = await of_the_hub(lab)
        assert (after.files, after.umask != "0027") == (500, True)


@pytest.mark.issue(
    "jupyterhub#2406",
    happens=True,
    workaround="open_sessions = False, and sessions on the node by its sshd",
)
@pytest.mark.finding(
    "After one user's failed PAM session nobody's is opened or closed any more",
    project="jupyterhub",
    steps="open_sessions = True; start alice's server; start that of carol, whose session a module "
    "refuses; start dave's; stop alice's.",
    expected="carol is refused, or has a server without a session; alice's session is closed at "
    "her stop ('Close PAM session for user if we were configured to opened one', post_spawn_stop).",
    seen="carol's server starts without a session, dave's too, and alice's session stays open: "
    "open_sessions has become False. Only a restart of the hub opens sessions again.",
)
@pytest.mark.matrix(OPEN, [True])
@pytest.mark.sabotage(OPEN, False)
async def test_one_failure(lab: LiveLab) -> None:
    """A session that fails costs its own user no server, the next one the session, and who has
    one its end, until the hub is restarted.
    """
    async with pam_of_the_hub(lab):
        await lab.spawn("alice", on="node1")
        assert OFF not in await lab.hub_log()
        assert (await lab.spawn("carol", on="node1")).ready
        log = await lab.hub_log()
        assert "Failed to open PAM session for carol" in log
        assert OFF in log
        assert (await lab.spawn("dave", on="node2")).ready
        await lab.stop("alice")
        await lab.spawn("alice", on="node1")  # the end of the first one is over by then
        assert await sessions(lab) == ["open_session alice"]
        await lab.programs.restart("hub")
        await lab.forget_hub()
        await lab.spawn("bob", on="node2")
        assert await sessions(lab) == ["open_session alice", "open_session bob"]


@pytest.mark.issue(
    "jupyterhub#2754",
    "jupyterhub#3299",
    happens=True,
    workaround="a PAM service of the hub's, without pam_loginuid",
)
@pytest.mark.finding(
    "open_sessions fails with Debian's own login service: PAM runs in a thread",
    project="jupyterhub",
    steps="A hub that is root on Debian 13, open_sessions = True, service 'login' as by default; "
    "start a server.",
    expected="A session is opened: 'Whether to open a new PAM session when spawners are started'.",
    seen="'Failed to open PAM session for NAME: [PAM Error 14]', and sessions are off. "
    "pam_loginuid, which is required there, writes /proc/self/loginuid, and Linux lets only the "
    "process's first thread do that; the hub calls PAM in another one. What the other modules did "
    "stays: the hub's umask is 0002.",
)
@pytest.mark.issue(
    "jupyterhub#2973", happens=True, workaround="sessions on the node, by its sshd: UsePAM yes"
)
@pytest.mark.issue(
    "jupyterhub#2987", happens=True, workaround="a PAM service of the hub's, without pam_loginuid"
)
@pytest.mark.matrix(SERVICE, ["login"])
@pytest.mark.matrix(OPEN, [True])
@pytest.mark.sabotage(SERVICE, "passwd")
async def test_debians_own_service(lab: LiveLab) -> None:
    """With Debian's login service the first session fails, and has changed the hub all the same;
    the server starts. The same call of a process's first thread succeeds.
    """
    assert (await of_the_hub(lab)).umask == "0022"
    assert (await lab.spawn("alice", on="node1")).ready
    log = await lab.hub_log()
    assert "Failed to open PAM session for alice: [PAM Error 14]" in log
    assert OFF in log
    assert (await of_the_hub(lab)).umask == "0002"
    assert await lab.run("hub", PYTHON, "-c", IN_TWO_THREADS) == "another: 14\nfirst: None\n"
