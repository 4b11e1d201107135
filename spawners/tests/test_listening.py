"""How the launcher sees that a server listens, on this machine's own sockets. Needs no root."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from jupyterhub_sshspawner.launcher import listening
from jupyterhub_sshspawner.launcher.listening import TABLES, asked, everywhere, listeners, read

FAMILIES = [socket.AF_INET, socket.AF_INET6]


def name_of(sock: socket.socket) -> str:
    return os.readlink(f"/proc/self/fd/{sock.fileno()}")


def both_ways(family: int, port: int) -> set[str]:
    """What listens there; asked and read, the kernel says the same."""
    told = asked(family, port)
    assert told == read(TABLES[family], port)
    return told


def can_ask(family: int) -> None:
    """Skips where this kernel tells nothing; the launcher reads its tables there."""
    try:
        asked(family, 1)
    except OSError as error:
        pytest.skip(f"this kernel does not answer: {error}")


@pytest.fixture(params=FAMILIES, ids=["IPv4", "IPv6"])
def bound(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A socket that has a port and does not listen yet."""
    sock = socket.socket(request.param, socket.SOCK_STREAM)
    with sock:
        try:
            sock.bind(("::1" if request.param == socket.AF_INET6 else "127.0.0.1", 0))
        except OSError as error:
            pytest.skip(f"no such address here: {error}")
        yield sock


def test_asked_and_read_the_kernel_says_the_same(bound: socket.socket) -> None:
    """Bound is not listening, and neither is a connection from or to the port."""
    can_ask(bound.family)
    port = bound.getsockname()[1]
    assert both_ways(bound.family, port) == set()
    bound.listen()
    with socket.create_connection(bound.getsockname()[:2]) as client, bound.accept()[0]:
        assert both_ways(bound.family, port) == {name_of(bound)}
        assert both_ways(bound.family, client.getsockname()[1]) == set()


def test_every_socket_of_a_port_is_told() -> None:
    """More of them than one answer of the kernel holds (netlink(7): 8 KiB and more)."""
    can_ask(socket.AF_INET)
    port, names = 0, set()
    with ExitStack() as kept:
        for last in range(1, 200):
            sock = kept.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((f"127.0.1.{last}", port))
            sock.listen()
            port = port or sock.getsockname()[1]
            names.add(name_of(sock))
        assert both_ways(socket.AF_INET, port) == names


def test_no_answer_is_not_an_empty_one() -> None:
    """A kernel without tcp_diag ends its answer with an error; so with a protocol that none has."""
    can_ask(socket.AF_INET)
    with pytest.raises(OSError, match="sock_diag"):
        asked(socket.AF_INET, 1, protocol=255)


def test_who_is_told_nothing_reads_the_tables(
    bound: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a sandbox has no such sockets; asked once a family, not with each look."""
    questions = []

    def no_socket(family: int, kind: int, protocol: int) -> socket.socket:
        questions.append(protocol)
        raise OSError(93, "Protocol not supported")

    bound.listen()
    port = bound.getsockname()[1]
    monkeypatch.setattr(listening, "refused", set())
    monkeypatch.setattr(listening.socket, "socket", no_socket)
    assert listeners(port) == {name_of(bound)}
    assert listeners(port) == {name_of(bound)}
    assert len(questions) == len(TABLES)


@pytest.mark.parametrize(
    ("family", "address", "told"),
    [
        (socket.AF_INET, "0.0.0.0", ["0.0.0.0"]),
        (socket.AF_INET, "127.0.0.1", []),
        (socket.AF_INET6, "::", ["::"]),
        (socket.AF_INET6, "::1", []),
    ],
)
def test_a_port_that_is_open_on_every_address(
    family: socket.AddressFamily, address: str, told: list[str]
) -> None:
    with socket.socket(family) as sock:
        try:
            sock.bind((address, 0))
        except OSError as error:
            pytest.skip(f"no such address here: {error}")
        port = sock.getsockname()[1]
        assert everywhere(port) == []
        sock.listen()
        assert everywhere(port) == told
