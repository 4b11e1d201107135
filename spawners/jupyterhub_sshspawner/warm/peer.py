"""Who asks, by the kernel's word alone, and what that process has that its child is to have.

A message says nothing of this. What differs and cannot be taken over means the cold way.
"""

from __future__ import annotations

import os
import socket
import struct

from .refusal import Cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

SO_PEERGROUPS = 59
MANY = 1024  # bytes; the most that getsockopt takes
SAME = ("Seccomp", "Seccomp_filters", "Speculation_Store_Bypass",
        "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")  # fmt: skip
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
LABEL = "attr/current"  # of AppArmor or SELinux


class Peer:
    """The process at the other end of a connection, as it was when it connected."""

    def __init__(self, connection: socket.socket) -> None:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        self.pid, self.uid, self.gid = struct.unpack("iII", raw)
        self._began = self._ticks()

    def _ticks(self) -> str:
        """When it began, so that it is not taken for another that got its number later."""
        fields = self.read("stat").rpartition(")")[2].split()
        return fields[19] if len(fields) > 19 else ""

    def groups(self, connection: socket.socket) -> list[int]:
        """Its supplementary groups. Raises Cold if they are more than can be asked for."""
        try:
            raw = connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, MANY)
        except OSError as error:
            raise Cold("its groups cannot be known: %s" % error.strerror) from error
        return list(struct.unpack("%dI" % (len(raw) // 4), raw))

    def read(self, name: str) -> str:
        """A file of its folder in /proc, '' where this kernel has none. Raises Cold if it ended."""
        return read(self.pid, name)

    def status(self) -> dict[str, str]:
        """Its status, by field. Raises Cold for one that is not the account that connected."""
        found = fields(self.read("status"))
        if not self._began or self._ticks() != self._began:
            raise Cold("the launcher has ended")
        if found.get("Uid", "").split() != [str(self.uid)] * 4:
            raise Cold("the launcher has become another account")
        if found.get("Gid", "").split() != [str(self.gid)] * 4:
            raise Cold("the launcher has become another group")
        return found

    def check_likeness(self) -> None:
        """Raises Cold where it differs from us in what no process can change of itself.

        Namespaces and labels can be read by nobody but the account itself: ask once we are it.
        """
        for name in NAMESPACES:
            if link(self.pid, "ns/" + name) != link("self", "ns/" + name):
                raise Cold("the launcher is in another %s namespace" % name)
        if link(self.pid, "root") != link("self", "root"):
            raise Cold("the launcher has another root directory")
        if self.read(LABEL) != read("self", LABEL):
            raise Cold(
                "the launcher has another security label (%s)" % self.read(LABEL).strip("\0\n")
            )
        theirs, ours = self.status(), fields(read("self", "status"))
        for name in SAME:
            if theirs.get(name) != ours.get(name):
                raise Cold("the launcher differs in %s" % name)


def read(pid: int | str, name: str) -> str:
    """A file of a process's folder in /proc; '' if there is none or it cannot be read."""
    try:
        with open("/proc/%s/%s" % (pid, name)) as source:
            return source.read()
    except OSError:
        return ""


def link(pid: int | str, name: str) -> tuple[int, int, str]:
    """What a link in a process's folder in /proc leads to. Raises Cold if nobody may know."""
    path = "/proc/%s/%s" % (pid, name)
    try:
        found = os.stat(path)
        return found.st_dev, found.st_ino, os.readlink(path)
    except FileNotFoundError:
        return 0, 0, ""  # a kernel without this kind of namespace
    except OSError as error:
        raise Cold("cannot look at %s: %s" % (path, error.strerror)) from error


def fields(text: str) -> dict[str, str]:
    """Lines of ``name: value``."""
    pairs: Iterable[tuple[str, str, str]] = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}
