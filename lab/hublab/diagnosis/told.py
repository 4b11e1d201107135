"""A diagnosis as an event of a journal."""

from __future__ import annotations

from collections.abc import Iterable

from hublab.diagnosis.reach import HopDiagnosis
from hublab.journal.events import Diagnosed


def diagnosed(lab: str, hops: Iterable[HopDiagnosis]) -> Diagnosed:
    """What is broken of the hops that were tried, and which setting governs each."""
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
            for hop in hops
            if not hop.ok
        ),
    )
