"""The fault of a case, in effect for a block of code, and healed however that ends."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from hublab.cases.fault_lines import LONGEST, NONE, parse_fault
from hublab.cases.matrix import Case
from hublab.cases.surroundings import FAULT
from hublab.errors import LabError
from hublab.faults import clock, freeze, partition
from hublab.running.live import LiveLab


@contextlib.asynccontextmanager
async def faulted(live: LiveLab, case: Case) -> AsyncIterator[None]:
    """Cause the case's fault, if it has one, and heal it at the end of the block.

    Raises NoSuchHost for a host that the lab lacks, LabError for a fault that has no effect, cannot
    be healed, or was over before the end of a block for which it was to last.
    """
    line = parse_fault(str(case.get(FAULT, NONE)))
    match line.kind:
        case "partition":
            one, other = line.hosts
            context = partition(live, one, other, seconds=line.seconds)
        case "freeze":
            context = freeze(live, line.hosts[0], seconds=line.seconds)
        case "clock":
            context = clock(live, line.hosts[0], ahead=line.ahead, seconds=line.seconds)
        case _:
            yield
            return
    async with context as running:
        yield
    if line.kind == "freeze" and line.seconds == LONGEST and not running.met:
        raise LabError(f"something else thawed {line.hosts[0]} before the end of the fault")
