"""Asks a warm parent on this node for the process that becomes the server (see ``warm``)."""

from __future__ import annotations

import array
import json
import os
import socket
import struct

from .prewarm import COMMAND, own_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

START = b"start 1"  # as in ``warm.keeper``
PATIENCE = 2.0  # seconds; a start that waits for longer is sooner there by itself


class NotWarm(Exception):
    """Why the server is started cold."""


def keeper(request: dict[str, Any], descriptors: Sequence[int]) -> int:
    """The process that keeps the server, which has been given log, reports, orders, marker, folder.

    Raises NotWarm. Only root's parent, or the account's own, is handed what leads to the server's
    environment: the socket may be anybody's.
    """
    if os.path.basename(request["argv"][0]) != COMMAND:
        raise NotWarm("what is started is not %s alone" % COMMAND)
    if _has_keys():
        raise NotWarm("the login's keyring holds keys, which a server is to have")
    path, owners = request["warm"]["socket"], (0,)
    if request["warm"]["form"] == "user":
        path, owners = own_socket(os.path.expanduser(request["run_dir"])), (os.getuid(),)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        _connect(connection, path)
        connection.settimeout(PATIENCE)
        owner = struct.unpack(
            "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        )
        if owner[1] not in owners:
            raise NotWarm("%s belongs to uid %d" % (path, owner[1]))
        try:
            rights = array.array("i", descriptors)
            try:
                connection.sendmsg([START], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            except BrokenPipeError:
                pass  # it has hung up, and said why
            body = json.loads(_answer(connection) or b"{}")
            if not isinstance(body, dict):
                raise ValueError("what it says is no JSON object")
        except (OSError, ValueError) as error:
            raise NotWarm("the parent at %s does not answer: %s" % (path, error)) from error
    if not isinstance(body.get("keeper"), int):
        raise NotWarm(str(body.get("cold", "the parent ended")))
    return int(body["keeper"])


def _answer(connection: socket.socket) -> bytes:
    """What the keeper says, or the parent. A keeper that has not said it in time cannot any more,
    and ends: two that share the descriptors would take each other's orders."""
    try:
        return connection.recv(4096)
    except (socket.timeout, ConnectionResetError):  # reset: what it said is still there
        connection.shutdown(socket.SHUT_RDWR)
        late = connection.recv(4096)
        if not late:
            raise
        return late


def _connect(connection: socket.socket, path: str) -> None:
    """By way of its folder, because the address of a socket holds no more than 107 bytes.

    The kernel has us wait where many others do; with Python's timeout it would refuse at once.
    """
    try:
        whole, part = divmod(PATIENCE, 1)
        patience = struct.pack("ll", int(whole), int(part * 1e6))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
        try:
            connection.connect("/proc/self/fd/%d/%s" % (folder, os.path.basename(path)))
        finally:
            os.close(folder)
    except OSError as error:
        raise NotWarm("no parent at %s: %s" % (path, error.strerror or error)) from error


def _has_keys() -> bool:
    """Whether a session keyring of the account holds more than a link to the user's."""
    try:
        with open("/proc/keys") as keys:
            rows = [line.split() for line in keys]
    except OSError:
        return False
    mine = [row for row in rows if row[7:9] == ["keyring", "_ses:"] and row[5] == str(os.getuid())]
    return any(row[-1].isdigit() and int(row[-1]) > 1 for row in mine)
