"""An sshd as recipes have it, and a visitor at the client host with a key."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from hublab.scenario import File, LiveLab, listening, until

PORT = 9135
"""The recipe's."""
GATE = "/tmp/gate"
VISITOR, VISITOR_ID = "visitor", 2000
HOME = "/home/visitor"
CONFIG = f"""\
Include /etc/hublab/sshd.conf*
Port {PORT}
HostKey {GATE}/host
PidFile {GATE}/pid
KbdInteractiveAuthentication no
UsePAM no
PasswordAuthentication {{passwords}}
"""
NEW_KEY = 'rm -f "$1" && ssh-keygen -q -t ed25519 -N "" -f "$1" && cat "$1.pub"'
SSHD = f"mkdir -p /run/sshd && /usr/sbin/sshd -f {GATE}/conf -E {GATE}/log"
END = f'kill "$(cat {GATE}/pid)"'
PREPARE = f"mkdir -p {GATE} && chmod 700 {GATE} && rm -f {GATE}/*"


@contextlib.asynccontextmanager
async def gate(lab: LiveLab, host: str, *, passwords: bool = False) -> AsyncIterator[None]:
    """A second sshd of a host, whose host key the visitor knows; settings of the case go first."""
    await lab.run(host, "sh", "-c", PREPARE)
    key = await lab.run(host, "sh", "-c", NEW_KEY, "-", f"{GATE}/host")
    config = CONFIG.format(passwords="yes" if passwords else "no")
    await lab.put_files(host, GATE, [File("conf", config.encode())])
    await lab.run("client", "mkdir", "-p", "-m", "700", f"{HOME}/.ssh", user=VISITOR)
    known = File("known_hosts", f"[{host}]:{PORT} {key}".encode(), 0o600, VISITOR_ID)
    await lab.put_files("client", f"{HOME}/.ssh", [known])
    await lab.run(host, "sh", "-c", SSHD)

    async def open_() -> bool:
        return PORT in {one.port for one in await listening(lab, host)}

    await until(open_, what="the sshd listens")
    try:
        yield
    finally:
        await lab.run(host, "sh", "-c", END)


async def copy_key(lab: LiveLab, host: str, user: str, *, by_root: bool = False) -> None:
    """Let the visitor's key enter: what `ssh-copy-id` does, or root who forgets the owner."""
    argv = ("sh", "-c", NEW_KEY, "-", f"{HOME}/.ssh/id_ed25519")
    public = await lab.run("client", *argv, user=VISITOR)
    # `useradd` leaves the account locked, which `adduser` of the recipe does not.
    await lab.run(host, "usermod", "--password", "*", user)
    place = f"/home/{user}/.ssh"
    await lab.run(host, "rm", "-rf", place)
    await lab.run(host, "mkdir", "-m", "700", place, user=user)
    await lab.put_files(host, place, [File("authorized_keys", public.encode(), 0o600)])
    if not by_root:
        await lab.run(host, "chown", user, f"{place}/authorized_keys")
