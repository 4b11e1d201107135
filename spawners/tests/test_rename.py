"""Names change while servers run: what is known of a server stays with it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.objects import Hub
from jupyterhub.user import UserDict
from machinery import TINY, Account
from machinery import Hub as RunningHub

from jupyterhub_sshspawner import SSHSpawner, places
from jupyterhub_sshspawner.choice.placement import Board
from jupyterhub_sshspawner.lost import orphans, ownership
from jupyterhub_sshspawner.state import Instance, State

SERVER = Instance(instance="i", host="node1", username="carol")


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch) -> Iterator[UserDict]:
    """JupyterHub's users, in a database of their own."""
    monkeypatch.setattr(places, "board", Board())
    monkeypatch.setattr(orphans, "_woken", True)  # that is once for the process
    session = orm.new_session_factory()()
    settings = {"spawner_class": SSHSpawner, "hub": Hub()}
    yield UserDict(lambda: session, settings)
    session.close()


def added(users: UserDict, name: str) -> Any:
    row = orm.User(name=name)
    users.db.add(row)
    users.db.commit()
    return users.add(row)


def renamed(users: UserDict, user: Any, name: str) -> None:
    """As PATCH /users/:name does it."""
    user.name = name
    users.db.commit()


def with_server(user: Any) -> Any:
    """A spawner that has a server, as after a restart of the hub."""
    spawner = user.spawner
    spawner.load_state(State(SERVER).to_dict())
    return spawner


def test_a_seat_is_left_whatever_the_name_is_by_then(users: UserDict) -> None:
    """Else the host stays full, with max_servers_per_host, until the hub is started again."""
    carol = added(users, "carol")
    spawner = with_server(carol)
    assert places.board.load("node1") == 1
    renamed(users, carol, "dave")
    spawner._gone = 0
    spawner.clear_state()
    assert places.board.load("node1") == 0


@pytest.mark.parametrize("account", ["shared", "DOM\\carol", "a_b%", "örsted", "x'y"])
def test_who_gets_the_old_name_ends_no_server_of_its_former_owner(
    users: UserDict, account: str
) -> None:
    """In one account for both: the row of the former owner has it, and it is spared."""
    carol = added(users, "carol")
    carol.spawner.orm_spawner.state = {"instance": "i", "username": account}
    renamed(users, carol, "dave")
    other = added(users, "carol").spawner
    assert ownership.owner_of(other).user == "carol"
    assert ownership.known_in(other, account) == ["i"]
    assert ownership.known_in(other, "nobody") == []
    assert ownership.known_in(carol.spawner, account) == []


@pytest.mark.parametrize("state", [["shared"], "shared", {"instance": None, "username": "shared"}])
def test_the_state_of_another_spawner_is_none_of_ours(users: UserDict, state: Any) -> None:
    carol = added(users, "carol")
    carol.spawner.orm_spawner.state = state
    users.db.commit()
    assert ownership.known_in(added(users, "dave").spawner, "shared") == []


def test_a_hub_is_known_by_its_secret_and_its_address(users: UserDict) -> None:
    """A copy of it elsewhere is another hub."""
    users.settings["cookie_secret"] = b"s" * 32
    spawner = added(users, "carol").spawner
    first = ownership.owner_of(spawner)
    spawner.hub_connect_url = "http://elsewhere:8081"
    second = ownership.owner_of(spawner)
    users.settings["cookie_secret"] = b"t" * 32
    third = ownership.owner_of(spawner)
    assert len({first.hub, second.hub, third.hub}) == 3
    assert ownership.owner_of(spawner) == third


def test_who_gets_the_old_name_has_a_seat_of_their_own(users: UserDict) -> None:
    carol = added(users, "carol")
    with_server(carol)
    renamed(users, carol, "dave")
    other = with_server(added(users, "carol"))
    assert places.board.load("node1") == 2
    other._gone = 0
    other.clear_state()
    assert places.board.load("node1") == 1


def test_who_gets_the_old_name_does_not_get_the_orphans(users: UserDict) -> None:
    """They would be saved in the wrong row, and ended by the wrong user's spawner."""
    carol = added(users, "carol")
    ledger = carol.spawner._ledger
    ledger.add(SERVER)
    renamed(users, carol, "dave")
    other = added(users, "carol").spawner
    assert other.get_state() == {}
    assert ledger.orm_spawner is carol.orm_spawners[""]


def test_who_gets_the_row_number_gets_nothing(users: UserDict) -> None:
    """SQLite gives the number of the last row again when that has been deleted."""
    carol = added(users, "carol")
    old = with_server(carol)
    old._ledger.add(SERVER)
    number, seat = old.orm_spawner.id, places.seat(old)
    users.delete(carol)
    new = added(users, "carol").spawner
    assert new.orm_spawner.id == number
    assert places.seat(new) != seat
    assert new.get_state() == {}


def test_a_new_spawner_of_a_row_has_the_seat_and_the_orphans(users: UserDict) -> None:
    """JupyterHub makes a new one after each stop and after a failed start."""
    carol = added(users, "carol")
    old = with_server(carol)
    ledger = old._ledger
    users.db.expire_all()  # a rollback does that
    carol.spawners.clear()
    del old
    gc.collect()
    assert with_server(carol)._ledger is ledger
    assert places.board.load("node1") == 1


def test_a_ledger_that_nobody_needs_is_not_kept(users: UserDict) -> None:
    """A hub whose users make and delete servers would never forget one."""
    gc.collect()
    before = len(orphans._ledgers)
    carol = added(users, "carol")
    assert carol.spawner._ledger.orphans == []
    assert len(orphans._ledgers) == before + 1
    users.delete(carol)
    del carol
    gc.collect()
    assert len(orphans._ledgers) == before


@pytest.mark.sshd
def test_a_host_is_free_again_when_a_renamed_user_s_server_has_stopped(
    hub: Callable[..., RunningHub], account: Callable[..., Account]
) -> None:
    alice, bob = account(), account()
    one = hub(TINY + "c.SSHSpawner.max_servers_per_host = 1\n")
    one.spawn(alice.name)
    new = alice.name + "x"
    assert one.api("PATCH", f"/users/{alice.name}", {"name": new})[0] == 200
    one.stop(new)
    alice.check_gone()
    one.spawn(bob.name)
