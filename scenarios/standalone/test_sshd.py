"""Keys alone, then passwords: what a client of a new machine is told, and what a copied key needs.

Why it matters: the recipe for a machine in the cloud copies root's authorized_keys into the new
account, and turns `PasswordAuthentication` on when that does not work. The client gets the same
words for a key that is not there and for one that sshd cannot read, so people open the machine to
passwords because of a missing `chown`.

Sources:
- The recipe: `adduser`, root's authorized_keys copied with the modes 700 and 600;
  `PasswordAuthentication no` turned to `yes`.
- sshd_config(5), `PasswordAuthentication`; sshd(8), "FILE FORMATS": authorized_keys is read as
  the user. RFC 4252, 5.1: a refusal lists the "authentications that can continue".
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from hublab.scenario import File, LiveLab

from .gate import GATE, HOME, PORT, VISITOR, VISITOR_ID, copy_key, gate
from .machine import WORD

pytestmark = pytest.mark.topology("lab", "recipes")

HOST, USER = "node1", "newcomer"
ASK = f"#!/bin/sh\necho '{WORD}'\n"
"""A program that ssh asks for a password (ssh(1), SSH_ASKPASS)."""
SET_PASSWORD = 'printf "%s:%s\\n" "$1" "$WORD" | chpasswd'
PERMITTED, REFUSED = 0, 255


async def ssh(lab: LiveLab, *options: str, asks: bool = False) -> tuple[int, str]:
    """How ssh at the client host ends, and the last words that it has."""
    surroundings = {"HOME": HOME, "SSH_ASKPASS": f"{HOME}/ask", "SSH_ASKPASS_REQUIRE": "force"}
    argv = ("ssh", "-o", f"BatchMode={'no' if asks else 'yes'}", *options, "-p", str(PORT))
    done = await lab.exec(
        "client", *argv, f"{USER}@{HOST}", "true", user=VISITOR, environment=surroundings
    )
    said = done.stderr.strip().splitlines()
    return done.exit_code, said[-1] if said else ""


def denied(*ways: str) -> tuple[int, str]:
    """What ssh says of a refusal: the ways that are left (RFC 4252, 5.1)."""
    return REFUSED, f"{USER}@{HOST}: Permission denied ({','.join(ways)})."


@contextlib.asynccontextmanager
async def newcomer(lab: LiveLab) -> AsyncIterator[None]:
    """The recipe's new account, for as long as the block."""
    await lab.run(HOST, "useradd", "--create-home", USER)
    try:
        yield
    finally:
        await lab.run(HOST, "userdel", "--force", "--remove", USER)


@pytest.mark.sabotage("sshd.PubkeyAuthentication", "no")
async def test_a_key_that_root_has_copied(lab: LiveLab) -> None:
    """It is refused like none at all until its owner is the user, and only sshd's log says why."""
    keys = f"/home/{USER}/.ssh/authorized_keys"
    async with newcomer(lab), gate(lab, HOST):
        await copy_key(lab, HOST, USER, by_root=True)
        assert await ssh(lab) == denied("publickey")
        log = await lab.run(HOST, "cat", f"{GATE}/log")
        assert "authorized keys '" + keys + "': Permission denied" in log
        await lab.run(HOST, "chown", USER, keys)
        assert await ssh(lab) == (PERMITTED, "")
        await lab.run(HOST, "rm", keys)
        assert await ssh(lab) == denied("publickey")


@pytest.mark.sabotage("sshd.PasswordAuthentication", "no")
async def test_passwords_turned_on(lab: LiveLab) -> None:
    """Before it the client is not asked, and after it the right password opens the machine."""
    await lab.put_files("client", HOME, [File("ask", ASK.encode(), 0o700, VISITOR_ID)])
    without_key = ("-o", "PubkeyAuthentication=no")
    seen = {}
    async with newcomer(lab):
        await lab.exec(HOST, "sh", "-c", SET_PASSWORD, "-", USER, environment={"WORD": WORD})
        for passwords in (False, True):
            async with gate(lab, HOST, passwords=passwords):
                seen[passwords] = [
                    await ssh(lab, *without_key, asks=asks) for asks in (False, True)
                ]
    assert seen == {
        False: [denied("publickey"), denied("publickey")],
        True: [denied("publickey", "password"), (PERMITTED, "")],
    }
