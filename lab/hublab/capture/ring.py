"""The ring of one host: its latest packets, in the memory of a container beside it.

`dumpcap` writes it, of the whole network namespace with its loopback. It is bounded in bytes and in
time; the container goes with the lab. Dissecting happens in that container too.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hublab.engine import Engine
from hublab.errors import EngineError, LabError

SCRIPTS = "/opt/hublab/capture"
"""In the image: compose/capture/."""
MEMORY = "/dev/shm"
FILE_KB, FILES = 4000, 6
"""Six files of 4 MB: two captures at once fit into a container's 64 MB of shared memory."""
LONGEST = 3600
"""Seconds after which a capture that nobody ends has ended."""
FILTER = "tcp or arp or icmp or icmp6"
DROPPED = re.compile(r"received/dropped on interface .*?: (\d+)/(\d+)")
BEGIN = """
mkdir -m 700 "$1" && cd "$1" || exit 1
setsid dumpcap -q -i any -B 4 -f "$2" -b "filesize:$3" -b "files:$4" -a "duration:$5" \\
  -w "$1/ring.pcapng" >log 2>&1 </dev/null &
echo $! >pid
tries=0
until grep -q '^File: ' log; do
  kill -0 "$(cat pid)" 2>/dev/null || { cat log >&2; exit 1; }
  tries=$((tries + 1)); [ $tries -lt 500 ] || exit 1
  sleep 0.02
done
"""
"""dumpcap names its file once the filter is in the kernel and packets are being kept."""
INCOMPLETE = 3
"""The exit code of `end.py` when the last packets may be missing."""
ENDED_EARLIER = 4
"""Its exit code when the capture had ended, or was killed, before."""
REMOVE = '[ ! -d "$1" ] || { kill -KILL "$(cat "$1/pid")" 2>/dev/null; rm -rf "$1"; }'


@dataclass(slots=True)
class Ring:
    """The ring of one host."""

    host: str
    container: str
    folder: str
    received: int | None = None
    """Packets that the capture got, once it has ended."""
    dropped: int | None = None
    """Packets that it had no time for, once it has ended."""

    @classmethod
    def begin(cls, engine: Engine, host: str, container: str, name: str, seconds: int) -> Ring:
        """Return once every packet from now on is kept, for at most `seconds`.

        Raises LabError when the capture does not start.
        """
        ring = cls(host, container, f"{MEMORY}/{name}")
        limits = (FILTER, str(FILE_KB), str(FILES), str(seconds))
        done = engine.exec(container, ["sh", "-c", BEGIN, "-", ring.folder, *limits])
        if done.exit_code:
            said = (done.stderr or done.stdout).strip()[-500:]
            raise LabError(f"the capture did not start: {said}", where=host)
        return ring

    def runs(self, engine: Engine) -> bool:
        """Whether the capture goes on."""
        script = 'kill -0 "$(cat "$1/pid")"'
        return engine.exec(self.container, ["sh", "-c", script, "-", self.folder]).exit_code == 0

    def end(self, engine: Engine) -> None:
        """End the capture with all packets until now; ending twice is no error. Raises LabError."""
        done = engine.exec(self.container, ["python3", f"{SCRIPTS}/end.py", self.folder])
        if done.exit_code == INCOMPLETE:
            raise LabError("the last packets came too late", where=self.host)
        if done.exit_code == ENDED_EARLIER:
            raise LabError("the capture ended too early: what came later is lost", where=self.host)
        if done.exit_code:
            said = done.stderr.strip()[-500:]
            raise LabError(f"the capture did not end: {said}", where=self.host)
        if counted := DROPPED.search(done.stdout):
            self.received, self.dropped = int(counted[1]), int(counted[2])

    def dissect(self, engine: Engine, since: float, until: float) -> list[dict[str, Any]]:
        """What the packets say between two times of the Unix clock. Raises LabError.

        The last record is the ring's own: its first packet, and what was overwritten.
        """
        script = f"{SCRIPTS}/dissect.py"
        times = (str(since), str(until))
        done = engine.exec(self.container, ["python3", script, self.folder, *times])
        if done.exit_code:
            said = done.stderr.strip()[-500:]
            raise LabError(f"the packets cannot be read: {said}", where=self.host)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def headers(self, engine: Engine, since: float) -> bytes:
        """The packets without their payload, as a pcap file. Raises LabError."""
        script = f"{SCRIPTS}/headers.py"
        done = engine.exec(self.container, ["python3", script, self.folder, str(since)])
        if done.exit_code:
            said = done.stderr.strip()[-500:]
            raise LabError(f"the headers cannot be read: {said}", where=self.host)
        return base64.b64decode(done.stdout)

    def remove(self, engine: Engine) -> None:
        """End the capture and forget its packets; it is no error if the container is gone."""
        remove(engine, [(self.container, self.folder)])


def remove(engine: Engine, places: Iterable[tuple[str, str]]) -> None:
    """Remove rings, each in the folder of a container; those that are gone are no error."""
    for container, folder in places:
        try:
            engine.exec(container, ["sh", "-c", REMOVE, "-", folder])
        except EngineError:
            continue
