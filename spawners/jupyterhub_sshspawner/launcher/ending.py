"""Ending all processes of an instance, with more and more force."""

from __future__ import annotations

import signal
import time

from .instance import Instance
from .processes import alive, process, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

NOW = [("KILL", 5.0)]
POLL = 0.03


def end(instance: Instance, phases: Iterable[tuple[str, float]]) -> list[str]:
    """Escalate; returns the names of the signals that were needed."""
    record, used = instance.record(), []
    for name, patience in phases:
        if not instance.members():
            break
        used.append(name)
        _signal_all(name, instance, record, time.monotonic() + patience)
    return used


def _signal_all(name: str, instance: Instance, record: dict[str, Any], until: float) -> None:
    """One signal, once for each process and for those that appear meanwhile; then wait."""
    told: set[int] = set()
    inside = instance.members()
    while inside:
        for pid, ticks in inside.items():
            if pid not in told and _is_meant(name, pid, record, inside):
                send(pid, ticks, getattr(signal, "SIG" + name))
                told.add(pid)
        if name == "INT" and not alive(record["pid"], record["ticks"]):
            return  # it shut down: what it leaves behind gets the next signal
        if time.monotonic() > until:
            return
        time.sleep(POLL)
        inside = instance.members()


def _is_meant(name: str, pid: int, record: dict[str, Any], inside: dict[int, int]) -> bool:
    """INT is for the server's process group alone; the supervisor goes by itself, or last."""
    if pid == record["leader"]:
        return name == "KILL" and len(inside) == 1
    if name == "INT":
        stat = process(pid)
        return stat is not None and stat.pgrp == record["pid"]
    return True
