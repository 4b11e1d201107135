#!/bin/sh
# Software: the Linux kernel's sock_diag (netlink), seen with 6.18.44.
#
# A good guess: a query that the kernel cannot answer, here for the sockets of a protocol that it
# does not have, comes back as an error message (NLMSG_ERROR), as with any netlink request. A dump
# that ends with NLMSG_DONE was complete.
#
# What it does: so it is for one socket (no NLM_F_DUMP). A dump ends with an ordinary NLMSG_DONE,
# and the error is the number in that message, which programs rarely read. "I cannot say" then
# looks like "no socket at all".
#
# Seen: TCP: DONE, 0. Protocol 200: DONE, -2 (ENOENT); the same without dump: ERROR, -2.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

"$python" - <<'EOF'
import errno
import os
import platform
import socket
import struct
import sys

SOCK_DIAG_BY_FAMILY, NLMSG_ERROR, NLMSG_DONE = 20, 2, 3
REQUEST, DUMP = 0x1, 0x300
NO_PROTOCOL = 200  # unassigned


def ask(protocol, flags):
    """The kind of the message that ends the answer, and the number at its beginning."""
    request = struct.pack("=BBBxI", socket.AF_INET, protocol, 0, 0xFFF) + bytes(48)
    head = struct.pack("=IHHII", 16 + len(request), SOCK_DIAG_BY_FAMILY, flags, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:
        netlink.settimeout(5)
        netlink.send(head + request)
        while True:
            answer = netlink.recv(1 << 16)
            while answer:
                length, kind = struct.unpack_from("=IH", answer)
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    name = "ERROR" if kind == NLMSG_ERROR else "DONE"
                    return name, struct.unpack_from("=i", answer, 16)[0]
                answer = answer[(length + 3) & ~3 :]


try:
    known = ask(socket.IPPROTO_TCP, REQUEST | DUMP)
except OSError as error:
    print(f"cannot run here: sock_diag: {error}")
    sys.exit(3)
if known[0] == "ERROR":
    print(f"cannot run here: sock_diag is refused: {os.strerror(-known[1])}")
    sys.exit(3)
dump, single = ask(NO_PROTOCOL, REQUEST | DUMP), ask(NO_PROTOCOL, REQUEST)
print(f"kernel {platform.release()}: dump of TCP: {known}; of protocol {NO_PROTOCOL}: {dump};")
print(f"one socket of protocol {NO_PROTOCOL}: {single}")
if (known, dump, single) != (("DONE", 0), ("DONE", -errno.ENOENT), ("ERROR", -errno.ENOENT)):
    print("changed: the error of a dump stood in NLMSG_DONE, that of a single query in NLMSG_ERROR")
    sys.exit(1)
EOF
