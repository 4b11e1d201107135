"""A capture on the hosts of a lab: begun, ended, read and forgotten on all of them at once.

capture = Capture.begin(lab, image, seconds=60)
...
capture.end()
happened = capture.read(since)
capture.remove()
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from hublab.capture.happened import Happened, happened_from
from hublab.capture.hosts import Hosts
from hublab.capture.removal import removal_argv
from hublab.capture.ring import LONGEST, MEMORY, Ring
from hublab.capture.seen import Seen
from hublab.engine import Container
from hublab.errors import HublabError
from hublab.guard.lease import Guard
from hublab.journal.network import CaptureLost
from hublab.running.lab import Lab

AT_ONCE = 8
T = TypeVar("T")


@dataclass(slots=True)
class Capture:
    """The rings of a lab's hosts. All methods block."""

    lab: Lab
    begun: float
    """The time of the Unix clock since which every packet was kept."""
    rings: dict[str, Ring]
    guard: Guard
    starts: dict[str, str]
    """When each host was last started, as that was when the capture began."""
    seconds: int = LONGEST
    """After this time the rings end by themselves."""
    lost: list[CaptureLost] = field(default_factory=list)
    ended: float | None = None
    """The time after which nothing is read: before the first ring ended."""

    @classmethod
    def begin(
        cls,
        lab: Lab,
        image: str,
        hosts: Collection[str] = (),
        *,
        seconds: int = LONGEST,
    ) -> Capture:
        """Begin on these hosts, by default on all, for at most `seconds`.

        A host on which it does not begin is among `lost`. Raises NoSuchHost.
        """
        chosen = [lab.host(name) for name in hosts] or list(lab.hosts.values())
        name = f"capture-{secrets.token_hex(4)}"
        # Named after the image: a container that an older version of hublab left is not used.
        kind = f"capture-{image.rpartition(':')[2]}"
        planned = [Ring(host.service, "", f"{MEMORY}/{name}") for host in chosen]
        guard = Guard.start()
        capture = cls(lab, time.time(), {}, guard, {}, seconds)

        def start(pair: tuple[Container, Ring]) -> None:
            host, plan = pair
            capture.starts[host.service] = lab.engine.started_at(host.id)
            plan.container = lab.engine.start_sidecar(lab.name, host, lambda: image, kind)
            guard.add(host.service, removal_argv([plan]))
            ring = Ring.begin(lab.engine, host.service, plan.container, name, seconds)
            capture.rings[host.service] = ring

        capture._each(zip(chosen, planned, strict=True), start, lambda pair: pair[0].service)
        capture.begun = time.time()
        return capture

    def is_usable(self) -> bool:
        """Whether it keeps what happens from now on, for long enough for a test."""
        if self.ended is not None or time.time() - self.begun > self.seconds / 2:
            return False
        engine, lab = self.lab.engine, self.lab
        try:
            same = all(engine.started_at(lab.host(h).id) == t for h, t in self.starts.items())
            return same and all(ring.runs(engine) for ring in self.rings.values())
        except HublabError:
            return False

    def end(self) -> None:
        """Keep no more packets. What could not be kept is among `lost` from now on."""
        if self.ended is not None:
            return
        self.ended = time.time()
        self._each(self.rings.values(), lambda ring: ring.end(self.lab.engine), host_of)
        for ring in self.rings.values():
            if ring.dropped:
                self._lose(
                    ring.host,
                    f"{ring.dropped} of {ring.dropped + (ring.received or 0)} packets came too "
                    "fast for the capture",
                    ring.dropped,
                )
        self._each(self.rings.values(), self._look_for_restart, host_of)

    def read(self, since: float, clean: Callable[[str], str]) -> list[Happened]:
        """What happened from a time of the Unix clock on, in order, with what was lost.

        `clean` takes the secrets out of a path.
        """
        self.end()
        until = self.ended or time.time()
        seen = Seen()
        self._each(
            self.rings.values(),
            lambda ring: seen.add(ring.host, ring.dissect(self.lab.engine, since, until)),
            host_of,
        )
        hosts = Hosts(self.lab.hosts.values())
        return happened_from(self.lab.name, seen, hosts, self.lost, since, clean)

    def headers(self, since: float) -> dict[str, bytes]:
        """Host -> its packets without their payload, as a pcapng file."""
        self.end()
        found: dict[str, bytes] = {}

        def read(ring: Ring) -> None:
            found[ring.host] = ring.headers(self.lab.engine, since)

        self._each(self.rings.values(), read, host_of)
        return {host: found[host] for host in sorted(found)}

    def remove(self) -> None:
        """Forget everything; it may be called again, and at any time."""
        self._each(self.rings.values(), lambda ring: ring.remove(self.lab.engine), host_of)
        self.guard.release()

    def _each(self, things: Iterable[T], work: Callable[[T], None], of: Callable[[T], str]) -> None:
        """Do something on all hosts at once; where it fails, the capture there is lost."""
        known = list(things)

        def attempt(thing: T) -> HublabError | None:
            try:
                work(thing)
            except HublabError as error:
                return error
            return None

        with ThreadPoolExecutor(min(AT_ONCE, max(1, len(known)))) as pool:
            for thing, error in zip(known, pool.map(attempt, known), strict=True):
                if error:
                    self._lose(of(thing), error.message)

    def _look_for_restart(self, ring: Ring) -> None:
        now = self.lab.engine.started_at(self.lab.host(ring.host).id)
        if now != self.starts[ring.host]:
            self._lose(ring.host, "the host was restarted: nothing is kept from then on")

    def _lose(self, host: str, reason: str, packets: int | None = None) -> None:
        loss = CaptureLost(self.lab.name, host, reason, packets)
        if loss not in self.lost:
            self.lost.append(loss)


def host_of(ring: Ring) -> str:
    return ring.host
