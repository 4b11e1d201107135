"""The shortest way to answer a poll: the server that the hub knows lives, and listens.

It runs before the launcher, and instead of it where it can answer. Everything else, also whatever
it does not understand, is the launcher's. Python needs 10 ms of CPU to start, and the launcher 50
more. So this imports what is built in or small (``posix`` is what ``os`` is made of). It shares no
code with ``processes`` and ``listening``, which say why things are done as they are.
"""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def poll(nonce: str, instance: str, known: dict[str, Any]) -> bool:
    """Reply that it runs and listens, or False: then nobody has replied."""
    try:
        if not _runs(known["pid"], known["ticks"], instance, known["device"], known["inode"]):
            return False
        if not _owned(known["pid"], _listeners(known["port"])):
            return False
    except Exception:  # such as of what this kernel or Python does not have
        return False
    more = "".join(', "%s": %d' % item for item in sorted(known.items()))
    body = '{"event": "reply", "state": "running", "listening": true%s}' % more
    posix.write(1, ("\n@@%s %s\n" % (nonce, body)).encode())
    return True


def _runs(pid: int, ticks: int, instance: str, device: int, inode: int) -> bool:
    """Whether this very process lives, and holds the marker."""
    with open("/proc/%d/stat" % pid, "rb") as stat:
        fields = stat.read().rpartition(b")")[2].split()
    if fields[0] in (b"Z", b"X") or int(fields[19]) != ticks:
        return False
    wanted = "/%s/marker" % instance
    for path, target in _open_files(pid):
        if target.replace(" (deleted)", "").endswith(wanted):
            return True
        if inode and target[0] == "/":
            found = posix.stat(path)
            if (found.st_dev, found.st_ino) == (device, inode):
                return True
    return False


def _open_files(pid: int) -> list[tuple[str, str]]:
    found = []
    for name in posix.listdir("/proc/%d/fd" % pid):
        path = "/proc/%d/fd/%s" % (pid, name)
        try:
            found.append((path, posix.readlink(path)))
        except OSError:
            continue  # closed meanwhile
    return found


def _listeners(port: int) -> list[str]:
    """The sockets that listen at the port, in both families. Raises OSError without sock_diag."""
    from _socket import AF_INET, AF_INET6, AF_NETLINK, SOCK_RAW, socket

    found = []
    for family in (AF_INET, AF_INET6):
        # nlmsghdr (72 bytes, SOCK_DIAG_BY_FAMILY, REQUEST|DUMP), inet_diag_req_v2 (TCP, LISTEN)
        request = (
            (72, 4),
            (20, 2),
            (0x301, 2),
            (1, 4),
            (0, 4),
            (family, 1),
            (6, 1),
            (0, 2),
            (1024, 4),
        )
        data = b"".join(value.to_bytes(size, sys.byteorder) for value, size in request)
        kernel = socket(AF_NETLINK, SOCK_RAW, 4)
        kernel.settimeout(1.0)
        kernel.send((data + port.to_bytes(2, "big")).ljust(72, b"\0"))
        kind = 0
        while kind != 3:  # NLMSG_DONE
            data = kernel.recv(65536)
            while data:
                length, kind = _number(data, 0, 4), _number(data, 4, 2)
                if kind == 2 or (kind == 3 and _number(data, 16, 4)):
                    raise OSError("sock_diag")
                if kind == 20:
                    found.append("socket:[%d]" % _number(data, 84, 4))
                data = data[length + 3 & ~3 :]
        kernel.close()
    return found


def _number(data: bytes, offset: int, size: int) -> int:
    return int.from_bytes(data[offset : offset + size], sys.byteorder)


def _owned(pid: int, sockets: list[str]) -> bool:
    """Whether the process, or one below it, has one of the sockets: it may be a wrapper's child."""
    pids = [pid] if sockets else []
    for one in pids:
        if any(target in sockets for _, target in _open_files(one)):
            return True
        with open("/proc/%d/task/%d/children" % (one, one)) as children:
            pids += [int(child) for child in children.read().split()]
    return False
