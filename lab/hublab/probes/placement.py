"""Where a kernel really runs, in its own words: it is asked by a cell."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hublab.errors import Undecided
from hublab.probes.observation import observed
from hublab.running.kernel import Kernel
from hublab.running.live import LiveLab

ASK = """
import getpass, json, os, socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as _s:
    _s.connect(({peer!r}, 9))  # sends nothing; the kernel chooses the address it would use
    print(json.dumps([socket.gethostname(), _s.getsockname()[0], os.getpid(), getpass.getuser()]))
"""


@dataclass(frozen=True, slots=True)
class Placement:
    """The host that a kernel is on, the address it has in the lab, its process and its user."""

    hostname: str
    address: str
    pid: int
    user: str


@observed("placement")
async def placement(live: LiveLab, kernel: Kernel) -> Placement:
    """Ask a kernel where it is; `address` is the one from which it speaks to the hub's host.

    Raises Undecided when the cell does not run.
    """
    seen = await kernel.run(ASK.format(peer=live.lab.one("hub").address))
    if seen.error:
        raise Undecided(f"the kernel could not say where it is: {seen.error}")
    return Placement(*json.loads(seen.stdout))
