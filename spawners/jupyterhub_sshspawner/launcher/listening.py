"""Which sockets listen at a port.

The kernel is asked for these alone (sock_diag(7)). To read /proc/net/tcp walks the table of all
connections, whose size follows the machine's memory: 5 ms of CPU on a node of 24 GB that has none.
A start looks up to two hundred times a second, for 0.04 ms each.
"""

from __future__ import annotations

import socket
import struct

TABLES = {socket.AF_INET: "/proc/net/tcp", socket.AF_INET6: "/proc/net/tcp6"}
SOCK_DIAG, BY_FAMILY = 4, 20  # linux/netlink.h, linux/sock_diag.h
REQUEST_DUMP = 0x301
ERROR, DONE = 2, 3
LISTEN = 10  # TCP_LISTEN of linux/tcp_states.h, here and in the tables
HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port id
INODE = HEADER.size + 68  # of inet_diag_msg, linux/inet_diag.h

refused: set[int] = set()  # families that this kernel, or who confines us, tells nothing about


def listeners(port: int) -> set[str]:
    """Names of the sockets that listen on the port, in both families."""
    found: set[str] = set()
    for family, table in TABLES.items():
        if family not in refused:
            try:
                found |= asked(family, port)
                continue
            except OSError:  # no such socket, no inet_diag, not for us
                refused.add(family)
        found |= read(table, port)
    return found


def asked(family: int, port: int, protocol: int = socket.IPPROTO_TCP) -> set[str]:
    """What the kernel answers. Raises OSError where it does not."""
    wanted = struct.pack("=BBBBI", family, protocol, 0, 0, 1 << LISTEN)
    wanted += struct.pack("!H", port).ljust(48, b"\0")  # inet_diag_sockid: any but for the port
    found: set[str] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
        kernel.settimeout(1.0)
        kernel.send(HEADER.pack(HEADER.size + len(wanted), BY_FAMILY, REQUEST_DUMP, 1, 0) + wanted)
        while True:
            data = kernel.recv(65536)
            while data:
                length, kind = HEADER.unpack_from(data)[:2]
                if kind in (ERROR, DONE):
                    code = struct.unpack_from("=i", data, HEADER.size)[0]
                    if code:  # also at the end: there was no answer, which is not an empty one
                        raise OSError(-code, "sock_diag")
                    return found
                found.add("socket:[%d]" % struct.unpack_from("=I", data, INODE)[0])
                data = data[length + 3 & ~3 :]


def read(table: str, port: int) -> set[str]:
    """What the kernel's table of a family has."""
    return {"socket:[%s]" % fields[9] for fields in _rows(table, port)}


def everywhere(port: int) -> list[str]:
    """The wildcard addresses among those that somebody listens on at the port.

    Read, not asked: it is wanted once a start, and only with a reverse tunnel.
    """
    found = []
    for family, table in TABLES.items():
        wildcard = "::" if family == socket.AF_INET6 else "0.0.0.0"
        if any(int(fields[1].partition(":")[0], 16) == 0 for fields in _rows(table, port)):
            found.append(wildcard)
    return found


def _rows(table: str, port: int) -> list[list[str]]:
    """The lines of a table that are about somebody who listens on the port."""
    try:
        with open(table) as file:
            lines = [line.split() for line in file]
    except OSError:  # no IPv6
        return []
    return [
        fields
        for fields in lines[1:]
        if int(fields[3], 16) == LISTEN and int(fields[1].rpartition(":")[2], 16) == port
    ]
