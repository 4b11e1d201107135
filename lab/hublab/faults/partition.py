"""A partition: two hosts do not hear each other; everybody else hears both.

Each side drops what arrives from the other, so packets leave and vanish, as on a network that
is cut. The peers stand in a set whose elements carry a timeout: the kernel itself ends the
fault, whatever becomes of the process that began it (nft(8), "Set statement", timeout).
"""

from __future__ import annotations

import contextlib
import json
import time
from contextlib import AbstractAsyncContextManager

from hublab.errors import EngineError, LabError, UsageError
from hublab.faults.running import RunningFault, running
from hublab.lab import Lab
from hublab.live import LiveLab

SEND = "import socket, sys; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', (sys.argv[1], 9))"
"""One datagram to the discard port (RFC 863)."""
PROOF_SECONDS = 2.0

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
            raise UsageError(f"{one} cannot be cut off from itself", right="two different hosts")
        self.lab = lab
        self.targets = (lab.host(one).service, lab.host(other).service)
        self.table = ""
        self.proved: dict[str, int] = {}

    @property
    def directions(self) -> list[tuple[str, str]]:
        one, other = self.targets
        return [(one, other), (other, one)]

    def begin(self, fault_id: str, seconds: float) -> None:
        self.table = f"hublab_{fault_id}"
        for source, target in self.directions:
            addresses = self.lab.host(source).addresses
            elements = ", ".join(f"{a} timeout {int(seconds * 1000)}ms" for a in addresses)
            rules = RULES.format(table=self.table, elements=elements)
            self.nft(target, rules)
        for source, target in self.directions:
            self.prove(source, target)

    def prove(self, source: str, target: str) -> None:
        """Send a datagram that must not arrive: a fault that does not bite proves nothing."""
        address = str(self.lab.host(target).address)
        self.lab.engine.exec(self.lab.sidecar(source), ["python3", "-c", SEND, address])
        end = time.monotonic() + PROOF_SECONDS
        while not (count := self.dropped(target)):
            if time.monotonic() > end:
                raise LabError(f"the partition does not bite from {source} to {target}")
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
                # Declared first, so that deleting works whether or not it is there; a host
                # that is gone has taken its rules along.
                with contextlib.suppress(EngineError):
                    self.nft(host, f"table ip {self.table}\ndelete table ip {self.table}\n")

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


def partition(
    live: LiveLab, one: str, other: str, *, seconds: float
) -> AbstractAsyncContextManager[RunningFault]:
    """Cut two hosts off from each other for a block of code, at most for `seconds`.

    The counters are packets dropped, by direction. Raises NoSuchHost or UsageError.
    """
    return running(live, Partition(live.lab, one, other), seconds)
