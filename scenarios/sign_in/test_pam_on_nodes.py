"""What PAM is to do for a server belongs to the node: sshd asks it at each of the hub's sign-ins
there.

Why it matters: the home directory, the limits and the variables of a login are of the host where
the server runs, and so is the account that may be expired. With servers started over SSH the
node's own PAM does it all (`UsePAM yes`), with the words of a refusal, and needs no hub that is
root. But a session is of a connection, not of a server.

Sources:
- sshd_config(5), `UsePAM`: "If set to yes this will enable PAM authentication ... in addition to
  PAM account and session module processing for all authentication types"; Debian's stock file
  sets it.
- pam_mkhomedir(8), pam_limits(8), pam_env(8): home, resource limits and variables of a session;
  pam_exec(8): PAM_TYPE is `open_session` or `close_session`.
- jupyterhub-sshspawner, docs/production.md: "The hub keeps connections, so a change shows when
  it is restarted, or `connection_idle_timeout` after the user's last server there has ended"
  (300 s).
- pam_unix(8): its account component decides by "the following shadow elements: expire, ...";
  Debian 13, /etc/pam.d/sshd: pam_nologin among `account`; pam_nologin(8): "The contents of the
  file are displayed to the user". OpenSSH, auth.c, `allowed_user`, looks for a locked password
  without PAM only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hublab.scenario import HubError, LiveLab, server_parts, until

from .forms import at_the_form
from .host_accounts import ACCOUNTS, as_before, write

NOTE, NOTED = "/usr/local/bin/note-session", "/tmp/pam-sessions"
SERVICE_FILE, VARIABLES = "/etc/pam.d/sshd", "/etc/environment"
SKELETON, LIMITS = "/etc/skel/of-this-host", "/etc/security/limits.d/alice.conf"
MORE_LINES = f"""
session optional pam_exec.so {NOTE}
session required pam_mkhomedir.so
"""
CELL = """
import os, resource
print(os.environ.get("COURSE"), resource.getrlimit(resource.RLIMIT_NOFILE)[1], os.listdir("."))
"""

pytestmark = [
    pytest.mark.topology("lab", "pam"),
    # Refusals add up for whoever connects, here the hub (sshd_config(5), PerSourcePenalties).
    pytest.mark.matrix("sshd.PerSourcePenalties", ["no"]),
]


@asynccontextmanager
async def pam_of_a_node(lab: LiveLab) -> AsyncIterator[None]:
    """What an administrator of node1 writes into its PAM, for a block."""
    changed = (NOTE, NOTED, SERVICE_FILE, VARIABLES, SKELETON, LIMITS)
    async with as_before(lab, "node1", *changed):
        script = f'#!/bin/sh\necho "$PAM_TYPE $PAM_USER" >> {NOTED}\n'
        await write(lab, "node1", NOTE, script, 0o755)
        await write(lab, "node1", NOTED, "")
        stock = await lab.run("node1", "cat", SERVICE_FILE)
        await write(lab, "node1", SERVICE_FILE, stock + MORE_LINES)
        await write(lab, "node1", VARIABLES, "COURSE=statistics\n")
        await write(lab, "node1", SKELETON, "")
        await write(lab, "node1", LIMITS, "alice hard nofile 700\n")
        yield


async def sessions(lab: LiveLab) -> list[str]:
    """What PAM did on the node, in order: `open_session alice`, `close_session alice`."""
    return (await lab.run("node1", "cat", NOTED)).splitlines()


@pytest.mark.sabotage("sshd.UsePAM", "no")
async def test_what_a_login_brings(lab: LiveLab) -> None:
    """Home, limits and variables of the node's PAM are the server's; the hub's takes no part."""
    async with pam_of_a_node(lab):
        await lab.run("node1", "rm", "-r", "/home/alice")
        await lab.spawn("alice", on="node1")
        assert await sessions(lab) == ["open_session alice"]
        assert (await lab.run("hub", "ls", "/home")).split() == []
        visitor = await lab.sign_in("alice")
        await visitor.open_server()
        async with visitor.kernel() as kernel:
            seen = await kernel.run(CELL)
        assert seen.stdout.startswith("statistics 700 [")
        assert "'of-this-host'" in seen.stdout
        owner = await lab.run("node1", "stat", "-c", "%U", f"/home/alice/{SKELETON.split('/')[-1]}")
        assert owner.strip() == "alice"


@pytest.mark.sabotage("hub.SSHSpawner.connection_idle_timeout", 0.1)
async def test_a_session_is_of_a_connection(lab: LiveLab) -> None:
    """A user's second server, and the next one after a stop, come without a session of their own.
    The hub's end closes the session, and the server runs on.
    """
    async with pam_of_a_node(lab):
        await lab.spawn("alice", on="node1")
        await lab.spawn("alice", "second", on="node1")
        await lab.stop("alice")
        server = await lab.spawn("alice", on="node1")
        assert await sessions(lab) == ["open_session alice"]
        await lab.programs.kill("hub")
        await lab.forget_hub()

        async def closed() -> bool:
            return await sessions(lab) == ["open_session alice", "close_session alice"]

        await until(closed, what="the end of the session")
        command = await lab.run("node1", "cat", f"/proc/{server.pid}/cmdline")
        assert "jupyterhub-singleuser" in command
        await lab.programs.end("hub")
        await lab.programs.start("hub")
        await lab.programs.until_ready("hub")
        assert (await server_parts(lab, "alice")).process


@pytest.mark.sabotage("sshd.UsePAM", "no")
async def test_accounts_of_a_node(lab: LiveLab) -> None:
    """Expired or shut out by /etc/nologin on the node: signed in at the hub, no server, told why. A
    locked password is no obstacle to the hub's key.
    """
    password = await lab.secret("password")
    async with as_before(lab, "node1", *ACCOUNTS), as_before(lab, "node2", "/etc/nologin"):
        await lab.run("node1", "chage", "--expiredate", "1", "bob")
        await lab.run("node1", "usermod", "--lock", "carol")
        await write(lab, "node2", "/etc/nologin", "closed until Monday\n")
        names = ("bob", "carol", "dave")
        signed_in = await asyncio.gather(
            *(at_the_form(lab, username=name, password=password) for name in names)
        )
        assert [answer.status for answer in signed_in] == [302, 302, 302]
        with pytest.raises(HubError, match="account has expired"):
            await lab.spawn("bob", on="node1")
        with pytest.raises(HubError, match="closed until Monday"):
            await lab.spawn("dave", on="node2")
        assert (await lab.spawn("carol", on="node1")).ready
