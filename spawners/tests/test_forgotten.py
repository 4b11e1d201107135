"""Servers that the hub has lost: those that no row knows, and those on nodes that are away."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from machinery import TINY, Account, Hub, Sshd, wait_until

pytestmark = pytest.mark.sshd


def command(one: Hub, *words: str, code: int = 0) -> str:
    """The administrator's command; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "jupyterhub_sshspawner", *words],
        env={
            **os.environ,
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{one.port}/hub/api",
            "JUPYTERHUB_API_TOKEN": one.token,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def lose_rows(one: Hub) -> None:
    """As if the hub's database were of yesterday: no server ran."""
    with contextlib.closing(sqlite3.connect(one.where / "hub.sqlite", timeout=10)) as db:
        db.execute("update spawners set state = null, server_id = null")
        db.commit()


@pytest.mark.report("jupyterhub/systemdspawner#142")
def test_a_server_that_no_row_knows_is_ended_by_the_next_start(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """And no other: not the same user's other server, not one that the database knows."""
    alice = account()
    one = hub(TINY)
    for name in ("", "second"):
        one.spawn(alice.name, name)
    lost = one.state(alice.name)["pid"]
    one.kill()
    with contextlib.closing(sqlite3.connect(one.where / "hub.sqlite", timeout=10)) as db:
        db.execute("update spawners set state = null, server_id = null where name = ''")
        db.commit()
    one.start()
    one.wait_ready(alice.name, "second")
    assert lost in alice.servers()
    one.spawn(alice.name)
    assert lost not in alice.servers()
    assert len(alice.servers()) == 2
    assert "that the hub's database did not know ran on node1; it was ended" in one.log.read_text()
    for name in ("", "second"):
        one.stop(alice.name, name)
    alice.check_gone()


def test_another_hub_s_server_is_left_alone(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account()
    first, second = hub(TINY), hub(TINY)
    first.spawn(alice.name)
    second.spawn(alice.name)
    assert len(alice.servers()) == 2
    found = json.loads(command(second, "sweep", "--user", alice.name, "--end", "--json"))
    assert sorted(row["kind"] for row in found["servers"]) == ["foreign", "known"]
    assert len(alice.servers()) == 2
    first.stop(alice.name)
    second.stop(alice.name)


def test_sweeping_the_nodes(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    alice, bob = account(), account()
    one = hub(TINY)
    for user in (alice, bob):
        one.spawn(user.name)
    one.kill()
    lose_rows(one)
    one.start()
    one.spawn(bob.name, "other")
    said = command(one, "sweep", "--host", "node1")
    for user in (alice, bob):
        assert f"unknown: the default server of {user.name}, {user.name} on node1" in said
    assert f"known: other of {bob.name}" in said
    assert "unknown, ended" in command(one, "sweep", "--user", alice.name, "--end")
    alice.check_gone()
    assert len(bob.servers()) == 2
    assert "unknown, ended: the default server" in command(one, "sweep", "--end")
    assert len(bob.servers()) == 1
    assert "none of these users may use" in command(one, "sweep", "--host", "nosuch", code=1)
    assert "no user nobody" in command(one, "sweep", "--user", "nobody", code=4)
    one.stop(bob.name, "other")


def test_a_sweep_does_not_get_the_hub_penalised(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """sshd_config(5), PerSourcePenalties: a third account is not tried where two were refused."""
    users = [account() for _ in range(4)]
    one = hub(TINY, node=own_sshd)
    for user in users:
        one.add_user(user.name)
        user.write(".ssh/authorized_keys", "")
    said = command(one, "sweep", code=1)
    assert said.count("refused the login") == 2
    assert said.count("not asked: node1 has refused others") == 2
    asked = [user for user in users if f" {user.name} " in own_sshd.log.read_text()]
    assert len(asked) == 2


def test_orphans_are_listed_explained_and_forgotten(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """Also one that nobody has looked at since the hub started."""
    alice, bob = account(), account()
    one = hub(TINY + "c.SSHSpawner.stop_timeout = 0\n", node=own_sshd)
    assert command(one, "orphans") == "no orphans\n"
    for user in (alice, bob):
        one.spawn(user.name)
    own_sshd.cut()
    for user in (alice, bob):
        one.stop(user.name)

    def explained() -> list[Any]:
        rows = json.loads(command(one, "orphans", "--json"))
        return rows if all(row["why"] for row in rows) else []

    rows = wait_until(explained)
    assert {row["user"] for row in rows} == {alice.name, bob.name}
    assert all("cannot be reached" in row["why"] for row in rows)
    assert all(row["since"] > 1_700_000_000 for row in rows)
    assert f"{alice.name} on node1" in command(one, "orphans")
    (mine,) = (row["instance"] for row in rows if row["user"] == alice.name)
    command(one, "orphans", "--forget", mine)
    one.kill()
    one.start()
    (left,) = json.loads(command(one, "orphans", "--json"))
    assert left["user"] == bob.name
    assert "no orphan" in command(one, "orphans", "--forget", mine, code=4)
    command(one, "orphans", "--forget", left["instance"])
    assert "orphans" not in one.state(bob.name)


def test_what_the_command_needs_is_said(hub: Callable[..., Hub]) -> None:
    one = hub(TINY)
    one.add_user("carol")
    everything, one.token = one.token, one.api("POST", "/users/carol/tokens", {})[1]["token"]
    assert "the hub says 403" in command(one, "orphans", code=4)
    assert "the hub says 403" in command(one, "sweep", "--end", code=4)
    one.token = everything
    one.kill()
    assert "does not answer" in command(one, "orphans", code=3)
    one.token = ""
    assert "JUPYTERHUB_API_TOKEN is not set" in command(one, "orphans", code=2)
