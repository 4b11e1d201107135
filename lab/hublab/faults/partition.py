"""A partition: two hosts do not reach each other; all other hosts reach both.

Each of the two drops the packets that arrive from the other, so packets leave and vanish, as on a
network that is cut. The nftables set that names the other host has elements with a timeout. So the
kernel ends the fault itself, even if the process that began it dies (nft(8), "Set statement",
timeout).
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from contextlib import AbstractAsyncContextManager

from hublab.engine import Engine
from hublab.errors import EngineError, LabError, UsageError
from hublab.faults.lifecycle import RunningFault, running
from hublab.guard.lease import Guard
from hublab.running.lab import Lab
from hublab.running.live import LiveLab

SEND = "import socket, sys; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', (sys.argv[1], 9))"
"""One datagram to the discard port (RFC 863)."""
PROOF_SECONDS = 10.0
"""Seconds for a datagram to be counted: each reading is a command on a host of a busy machine."""
SPARE = 60.0
"""Seconds that the kernel keeps a fault beyond its time, for the commands that begin and prove it.
The process that began the fault heals it in time; if that process dies, its guard does."""

RULES = """
table ip {table} {{
  set peers {{ type ipv4_addr; flags timeout; elements = {{ {elements} }}; }}
  counter dropped {{ }}
  chain arriving {{
    type filter hook prerouting priority -350;
    ip saddr @peers counter name dropped drop
  }}
}}
"""


class Partition:
    """Packets between two hosts are dropped on arrival."""

    kind = "partition"

    def __init__(self, lab: Lab, one: str, other: str) -> None:
        """Raises NoSuchHost, and UsageError for a host that is to be cut off from itself."""
        if one == other:
            raise UsageError(f"{one} cannot be cut off from itself", hint="two different hosts")
        self.lab = lab
        self.targets = (lab.host(one).service, lab.host(other).service)
        self.table = ""
        self.proved: dict[str, int] = {}
        self.guard: Guard | None = None

    @property
    def directions(self) -> list[tuple[str, str]]:
        one, other = self.targets
        return [(one, other), (other, one)]

    def begin(self, fault_id: str, seconds: float) -> None:
        self.table = f"hublab_{fault_id}"
        # The kernel ends the fault in any case; the guard removes the table that is left.
        sidecars = [self.lab.sidecar(host) for host in self.targets]
        self.guard = Guard.start(undo=[removal_argv(sidecar, self.table) for sidecar in sidecars])
        bound = int((seconds + SPARE) * 1000)
        for source, target in self.directions:
            addresses = self.lab.host(source).addresses
            elements = ", ".join(f"{a} timeout {bound}ms" for a in addresses)
            rules = RULES.format(table=self.table, elements=elements)
            self.nft(target, rules)
        for source, target in self.directions:
            self.prove(source, target)

    def prove(self, source: str, target: str) -> None:
        """Send a datagram that must be dropped: a fault without effect proves nothing."""
        address = str(self.lab.host(target).address)
        self.lab.engine.exec(self.lab.sidecar(source), ["python3", "-c", SEND, address])
        end = time.monotonic() + PROOF_SECONDS
        while not (count := self.dropped(target)):
            if time.monotonic() > end:
                raise LabError(f"the partition does not drop packets from {source} to {target}")
        self.proved[target] = count

    def counters(self) -> dict[str, int]:
        """Packets dropped, by direction `from->to`, without the one that proved the fault."""
        return {
            f"{source}->{target}": self.dropped(target) - self.proved[target]
            for source, target in self.directions
            if target in self.proved
        }

    def dropped(self, host: str) -> int:
        listed = self.nft_json(host, f"list counter ip {self.table} dropped")
        return next(int(e["counter"]["packets"]) for e in listed["nftables"] if "counter" in e)

    def heal(self) -> None:
        if self.table:
            for host in self.targets:
                # A host that is gone or restarted has no rules any more.
                with contextlib.suppress(EngineError):
                    self.nft(host, removal(self.table))
        if self.guard:
            self.guard.release()

    def nft(self, host: str, rules: str) -> str:
        return self._nft(host, "nft", rules)

    def nft_json(self, host: str, command: str) -> dict[str, list[dict[str, dict[str, int]]]]:
        return dict(json.loads(self._nft(host, "nft -j", command + "\n")))

    def _nft(self, host: str, program: str, rules: str) -> str:
        script = f'printf %s "$1" | {program} -f -'
        done = self.lab.engine.exec(self.lab.sidecar(host), ["sh", "-c", script, "-", rules])
        if done.exit_code:
            raise LabError(f"nftables refused the fault: {done.stderr.strip()}", where=host)
        return done.stdout


def removal(table: str) -> str:
    """Rules that remove a table; they declare it first, so that a missing table is no error."""
    return f"table ip {table}\ndelete table ip {table}\n"


def removal_argv(sidecar: str, table: str) -> list[str]:
    """The command by which a guard removes a table."""
    return [sys.executable, "-m", "hublab.faults.partition", sidecar, table]


def partition(
    live: LiveLab, one: str, other: str, *, seconds: float
) -> AbstractAsyncContextManager[RunningFault]:
    """Cut two hosts off from each other for a block of code, at most for `seconds`.

    The counters are packets dropped, by direction. Raises NoSuchHost or UsageError.
    """
    return running(live, Partition(live.lab, one, other), seconds)


if __name__ == "__main__":
    script = 'printf %s "$1" | nft -f -'
    Engine.connect().exec(sys.argv[1], ["sh", "-c", script, "-", removal(sys.argv[2])])
