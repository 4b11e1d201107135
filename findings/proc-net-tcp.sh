#!/bin/sh
# Software: the Linux kernel, seen with 6.18.44 on a machine with 24 GB of memory.
#
# A good guess: reading /proc/net/tcp costs as much as there are sockets to list, so almost
# nothing on an idle machine, whichever way one asks who listens.
#
# What it does: each read walks the whole hash table of connections, empty buckets included, and
# the kernel sizes that table by the machine's memory. A netlink query (sock_diag) for the
# listening sockets walks another, small table.
#
# Seen: 68 lines in 1.6 ms, the query in 0.02 ms: 74 times as much. On another day 5 ms.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

"$python" - <<'EOF'
import platform
import socket
import struct
import sys
import time

SOCK_DIAG_BY_FAMILY, NLMSG_ERROR, NLMSG_DONE = 20, 2, 3
REQUEST_DUMP = 0x301
LISTEN = 10
ENOUGH = 5


def end(code, words):
    print(words)
    sys.exit(code)


def listeners():
    """Ports in the state LISTEN over IPv4, by one netlink query."""
    request = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 1 << LISTEN) + bytes(48)
    head = struct.pack("=IHHII", 16 + len(request), SOCK_DIAG_BY_FAMILY, REQUEST_DUMP, 1, 0)
    ports = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:
        netlink.settimeout(5)
        netlink.send(head + request)
        while True:
            answer = netlink.recv(1 << 16)
            while answer:
                length, kind = struct.unpack_from("=IH", answer)
                if kind == NLMSG_ERROR:
                    raise OSError("this kernel refuses the query")
                if kind == NLMSG_DONE:
                    return ports
                ports.add(struct.unpack_from(">H", answer, 16 + 4)[0])
                answer = answer[(length + 3) & ~3 :]


def table():
    with open("/proc/net/tcp") as lines:
        rows = [line.split() for line in lines][1:]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A"}


def least(ask, turns=30):
    times = []
    for _ in range(turns):
        begun = time.perf_counter()
        ask()
        times.append(time.perf_counter() - begun)
    return min(times)


with socket.create_server(("127.0.0.1", 0)) as server:
    port = server.getsockname()[1]
    try:
        listed = port in listeners()
    except OSError as error:
        end(3, f"cannot run here: sock_diag: {error}")
    if not listed or port not in table():
        end(1, "changed: a socket that listens is not listed")
    read, query = least(table), least(listeners)

lines = sum(1 for _ in open("/proc/net/tcp")) - 1
print(f"kernel {platform.release()}: {lines} lines of /proc/net/tcp in {read * 1e3:.3f} ms,")
print(f"the query in {query * 1e3:.3f} ms, {read / query:.0f} times less")
if read / query < ENOUGH:
    gigabytes = int(open("/proc/meminfo").readline().split()[1]) // 1024**2
    if gigabytes < 8:
        end(3, f"cannot run here: {gigabytes} GB of memory, so the kernel's table is small")
    end(1, f"changed: the ratio was above {ENOUGH}")
EOF
