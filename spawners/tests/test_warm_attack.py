"""The node's warm parent, and accounts of the node that mean it no good."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import warm_asker
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machinery import Account, Hub, wait_until
from warm_accounts import ASKER, asks, children, gid, identity, told
from warm_parent import Parent, running

pytestmark = pytest.mark.sshd

KINDS = ("pipe", "folder", "file", "null", "socket", "parent")


@pytest.fixture(scope="module")
def parent() -> Iterator[Parent]:
    with running() as one:
        yield one


@pytest.fixture
def own_parent() -> Iterator[Parent]:
    """One that a test may kill."""
    with running() as one:
        yield one


def descriptors(one: Parent) -> int:
    assert one.process
    return len(os.listdir(f"/proc/{one.process.pid}/fd"))


def rests(one: Parent, open_files: int) -> None:
    """Until it holds nothing for anybody: it is patient for 5 s (``service.PATIENCE``)."""
    wait_until(
        lambda: descriptors(one) == open_files and not children(one), 30,
        lambda: f"{descriptors(one)} descriptors, not {open_files}; children {children(one)}",
    )  # fmt: skip


def test_the_kernel_says_which_account(parent: Parent, account: Callable[..., Account]) -> None:
    alice = account()
    found = identity(alice, parent)
    assert found["Uid"].split() == [str(alice.uid)] * 4
    assert found["Gid"].split() == [str(gid(alice))] * 4
    assert found["Groups"] == ""
    assert [found[name] for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")] == ["0" * 16] * 4


def test_root_gets_none(parent: Parent) -> None:
    assert warm_asker.Start(str(parent.socket)).said == {"cold": "root gets no server of a parent"}


@pytest.mark.parametrize("ids", [(0, -1), (-1, 0)], ids=["real", "effective"])
def test_a_process_of_two_accounts_gets_none(
    parent: Parent, account: Callable[..., Account], ids: tuple[int, int]
) -> None:
    """As a setuid program is: one of its user ids is root's, the others are the account's."""
    alice = account()
    real, effective = (alice.uid if one < 0 else one for one in ids)
    code = (
        "import os, sys, json; sys.path.insert(0, sys.argv[1]); import warm_asker\n"
        f"os.setresgid(*[{gid(alice)}] * 3)\n"
        f"os.setresuid({real}, {effective}, 0)\n"
        "print(json.dumps(warm_asker.Start(sys.argv[2]).said))"
    )
    argv = [sys.executable, "-c", code, str(ASKER.parent), str(parent.socket)]
    said = json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)
    if effective == 0:
        assert said == {"cold": "root gets no server of a parent"}
    else:
        assert said == {"cold": "the launcher has become another account"}


@contextlib.contextmanager
def of_kinds(kinds: list[str], connection: socket.socket) -> Iterator[list[int]]:
    with contextlib.ExitStack() as stack:
        found = []
        for kind in kinds:
            if kind == "parent":
                found.append(connection.fileno())
                continue
            if kind == "pipe":
                number, other = os.pipe()
                stack.callback(os.close, other)
            elif kind == "socket":
                one, two = socket.socketpair()
                stack.enter_context(two)
                number = one.detach()
            else:
                path = {"folder": "/tmp", "file": "/etc/hostname", "null": os.devnull}[kind]
                number = os.open(path, os.O_RDONLY)
            stack.callback(os.close, number)
            found.append(number)
        yield found


MESSAGES = st.one_of(
    st.binary(max_size=20),
    st.integers(0, len(warm_asker.START)).map(lambda size: warm_asker.START[:size]),
    st.binary(min_size=1, max_size=5000).map(lambda more: warm_asker.START + more),
    st.sampled_from([b"start 0", b"start 2", b"start 1\n", b"START 1"]),
).filter(lambda data: data != warm_asker.START)
WRONG_NUMBERS = st.lists(st.sampled_from(KINDS), max_size=12).filter(lambda kinds: len(kinds) != 5)
TALK = st.lists(
    st.one_of(
        st.tuples(MESSAGES, st.lists(st.sampled_from(KINDS), max_size=12)),
        st.tuples(st.just(warm_asker.START), WRONG_NUMBERS),
    ),
    max_size=3,
)


def _generated(path: str, examples: int) -> None:
    """Runs as the account. Each example is one connection; none may be given a keeper."""

    @settings(max_examples=examples, database=None, suppress_health_check=list(HealthCheck))
    @given(TALK, st.booleans(), st.booleans())
    def say(talk: list[tuple[bytes, list[str]]], halves: bool, waits: bool) -> None:
        with warm_asker.connect(path) as connection:
            try:
                for data, kinds in talk:
                    with of_kinds(kinds, connection) as numbers:
                        warm_asker.send(connection, data, numbers)
                if halves:
                    connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has hung up after the first
            if waits and (talk or halves):
                assert "keeper" not in warm_asker.answer(connection)

    say()


def test_generated_messages_get_nothing(parent: Parent, account: Callable[..., Account]) -> None:
    """Thousands of them; the parent is as before, and serves."""
    alice = account()
    rests(parent, before := descriptors(parent))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setresgid(*[gid(alice)] * 3)
            os.setgroups([])
            os.setresuid(*[alice.uid] * 3)
            os.chdir(alice.home)
            _generated(str(parent.socket), 1000)
            code = 0
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    rests(parent, before)
    assert not alice.processes()
    assert identity(alice, parent)["Uid"].split()[0] == str(alice.uid)


@pytest.mark.parametrize("data", ["start 1", "nonsense"])
def test_a_socket_that_lingers_holds_up_nobody(
    parent: Parent, account: Callable[..., Account], data: str
) -> None:
    """Its last close waits for 60 s, whoever does it (socket(7), SO_LINGER)."""
    eve, alice = account(), account()
    rests(parent, before := descriptors(parent))
    assert parent.process
    parent.process.send_signal(signal.SIGSTOP)  # else the last close may be eve's own
    with asks(eve, parent, "linger", data, "4") as process:
        try:
            assert told(process) == {"sent": True}
        finally:
            parent.process.send_signal(signal.SIGCONT)
        # who asks has patience for 20 s (``warm_asker.connect``)
        assert identity(alice, parent)["Uid"].split()[0] == str(alice.uid)
        process.kill()
    rests(parent, before)


def test_a_flood_of_one_account_is_in_nobodys_way(
    parent: Parent, account: Callable[..., Account]
) -> None:
    eve, alice = account(), account()
    rests(parent, before := descriptors(parent))
    floods = [asks(eve, parent, "flood") for _ in range(3)]
    try:
        assert [told(one) for one in floods] == [{"floods": True}] * 3
        for _ in range(5):
            assert identity(alice, parent)["Uid"].split()[0] == str(alice.uid)
        assert all(one.poll() is None for one in floods)
    finally:
        for one in floods:
            one.kill()
            one.communicate()
    rests(parent, before)


def memory(one: Parent) -> int:
    """KiB that are the parent's own."""
    assert one.process
    text = Path(f"/proc/{one.process.pid}/status").read_text()
    found = re.search(r"^RssAnon:\s+(\d+) kB$", text, re.MULTILINE)
    assert found
    return int(found[1])


def test_a_thousand_forks_leak_nothing(parent: Parent, account: Callable[..., Account]) -> None:
    """Two rounds: what the first costs may be a cache's, what the second costs is lost each time.

    1 MiB in 500 forks would be 2 KiB a fork.
    """
    alice = account()
    rests(parent, before := descriptors(parent))
    grown = []
    for _ in range(2):
        start, keepers = memory(parent), 0
        while keepers < 500:
            with asks(alice, parent, "many", "50") as process:
                keepers += int(str(told(process)["keepers"]))
            rests(parent, before)
        grown.append(memory(parent) - start)
    assert grown[1] < 1024, grown
    assert not alice.processes()


SEARCH = """
import json, re, sys
found = set()
process = "/proc/%s/" % sys.argv[1]
with open(process + "maps") as maps, open(process + "mem", "rb", 0) as mem:
    for line in maps:
        start, end = (int(word, 16) for word in line.split()[0].split("-"))
        if " rw" in line and "[v" not in line:
            mem.seek(start)
            found |= set(re.findall(rb"known-secret-of-([a-z0-9]+)-", mem.read(end - start)))
print(json.dumps(sorted(name.decode() for name in found)))
"""


def test_a_server_has_no_secret_of_another(
    own_parent: Parent, hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """An account may read its server's memory, the parent's as it was included (ptrace(2))."""
    users = [account() for _ in range(3)]
    secret = "c.Spawner.environment = {'S': lambda one: f'known-secret-of-{one.user.name}-'}\n"
    one = hub(own_parent.settings + secret)
    for user in users:
        one.spawn(user.name)
    assert "starts cold" not in one.log.read_text()
    for user in users:
        pid = str(one.state(user.name)["pid"])
        assert json.loads(user.run(sys.executable, "-IS", "-c", SEARCH, pid)) == [user.name]


def test_a_killed_parent_costs_no_server(
    own_parent: Parent, hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice, bob = account(), account()
    one = hub(own_parent.settings)
    for user in (alice, bob):
        one.spawn(user.name)
    before = [one.state(user.name)["pid"] for user in (alice, bob)]
    own_parent.kill()
    one.kill()
    one.start()
    for user in (alice, bob):
        one.wait_ready(user.name)
    assert [one.state(user.name)["pid"] for user in (alice, bob)] == before
    one.stop(alice.name)
    wait_until(lambda: not alice.processes(), message=lambda: f"left: {alice.processes()}")
    os.kill(int(str(before[1])), signal.SIGKILL)
    wait_until(lambda: not one.server(bob.name), message="the hub counts bob's server as running")
    records = list((bob.home / ".jupyterhub-ssh").glob("*/exit.json"))
    assert [json.loads(path.read_text()) for path in records] == [{"returncode": 137}]
    own_parent.start(wait=False)
    wait_until(lambda: own_parent.ready(2), message=own_parent.said)
    one.spawn(alice.name)
    assert "starts cold" not in one.log.read_text()


class Pretender:
    """A socket where a parent's is looked for."""

    def __init__(self, where: Path, owner: int, says: str = "") -> None:
        self.path = where / "warm.sock"
        code = (
            "import os, socket, sys\nuid = int(sys.argv[2])\n"
            "one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
            "one.bind(sys.argv[1])\nos.chmod(sys.argv[1], 0o666)\n"
            "os.setresuid(uid, uid, uid)\none.listen()\nprint('listens', flush=True)\n"
            "other, _ = one.accept()\n"
            "said, rights, _, _ = other.recvmsg(100, 1000)\n"
            "print(len(said), sum(len(one[2]) for one in rights) // 4, flush=True)\n"
            "if sys.argv[3]: other.send(sys.argv[3].encode())\n"
            "other.recv(100)\n"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-IS", "-c", code, str(self.path), str(owner), says],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.line() == "listens"

    def line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def remove(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def place(account: Callable[..., Account]) -> Iterator[Path]:
    """A folder for a socket, and for a quick server of the name that may be warm."""
    where = Path("/run/pretended")
    where.mkdir()
    where.chmod(0o755)
    server = where / "jupyterhub-singleuser"
    server.write_text(f"#!/bin/sh\nexec {sys.executable} tiny_server.py\n")
    server.chmod(0o755)
    yield where
    shutil.rmtree(where)


def looks_for(where: Path) -> str:
    return (
        f"c.SSHSpawner.warm_start = 'node'\nc.SSHSpawner.warm_socket = '{where}/warm.sock'\n"
        f"c.SSHSpawner.cmd = ['{where}/jupyterhub-singleuser']\n"
    )


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("", "does not answer: timed out"),
        ('{"cold": "this parent speaks another protocol"}', "this parent speaks another protocol"),
        ("[1]", "does not answer"),
    ],
    ids=["silent", "older", "a list"],
)
def test_what_does_not_answer_means_a_cold_start(
    place: Path, hub: Callable[..., Hub], account: Callable[..., Account], says: str, why: str
) -> None:
    alice = account()
    pretender = Pretender(place, 0, says)
    try:
        one = hub(looks_for(place))
        one.spawn(alice.name)
        assert pretender.line() == "7 5"
        assert why in one.tail(about="starts cold")
    finally:
        pretender.remove()


def test_a_socket_of_another_account_is_handed_nothing(
    place: Path, hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """What it would get leads to the server's environment."""
    alice, eve = account(), account()
    pretender = Pretender(place, eve.uid)
    try:
        one = hub(looks_for(place))
        one.spawn(alice.name)
        assert f"belongs to uid {eve.uid}" in one.tail(about="starts cold")
        assert pretender.line() == "0 0"  # it was hung up on
    finally:
        pretender.remove()
