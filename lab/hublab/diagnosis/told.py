"""A diagnosis as an event of a journal."""

from __future__ import annotations

from hublab.diagnosis.reach import diagnose
from hublab.journal.events import Diagnosed
from hublab.probes.reach import Reach


def diagnosed(lab: str, seen: Reach) -> Diagnosed:
    """What is broken of the hops that were tried, and which setting governs each."""
    broken = [hop for hop in diagnose(seen) if not hop.ok]
    return Diagnosed(
        lab,
        tuple(
            {
                "source": hop.source,
                "target": hop.target,
                "url": hop.url,
                "error": hop.error,
                "setting": hop.setting,
                "workaround": hop.workaround,
            }
            for hop in broken
        ),
    )
