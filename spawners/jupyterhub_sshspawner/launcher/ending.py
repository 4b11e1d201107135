"""Ending all processes of an instance, with more and more force."""

from __future__ import annotations

import signal
import time

from .instance import Instance
from .processes import alive, process, send, wait_for_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

NOW = [("KILL", 5.0)]
POLL = 0.03  # seconds until a look for processes that have appeared, if none ends before
SWEEPING = 3.0  # seconds that a supervisor may take to end once nothing else is left
KILLING = 1.0


def end(instance: Instance, phases: Iterable[tuple[str, float]]) -> list[str]:
    """Escalate; returns the names of the signals that were needed.

    The supervisor gets none. It goes by itself, when it has swept up and removed the secrets; only
    if it does not is it killed.
    """
    record, used = instance.record(), []
    for name, patience in phases:
        if not _below(instance, record):
            break
        used.append(name)
        _signal_all(name, instance, record, time.monotonic() + patience)
    _see_supervisor_off(instance, record)
    return used


def _see_supervisor_off(instance: Instance, record: dict[str, Any]) -> None:
    for patience in (SWEEPING, KILLING):
        until = time.monotonic() + patience
        while set(instance.members()) == {record.get("leader")}:
            if time.monotonic() > until:
                send(record["leader"], record["leader_ticks"], signal.SIGKILL)
                break
            wait_for_end([record["leader"]], POLL)


def _below(instance: Instance, record: dict[str, Any]) -> dict[int, int]:
    """Its living processes but for the supervisor."""
    return {pid: ticks for pid, ticks in instance.members().items() if pid != record["leader"]}


def _signal_all(name: str, instance: Instance, record: dict[str, Any], until: float) -> None:
    """One signal, once for each process and for those that appear meanwhile; then wait."""
    told: set[int] = set()
    inside = _below(instance, record)
    while inside:
        for pid, ticks in inside.items():
            if pid not in told and _is_meant(name, pid, record):
                send(pid, ticks, getattr(signal, "SIG" + name))
                told.add(pid)
        if name == "INT" and not alive(record["pid"], record["ticks"]):
            return  # it shut down: what it leaves behind gets the next signal
        if time.monotonic() > until:
            return
        wait_for_end(inside, POLL)
        inside = _below(instance, record)


def _is_meant(name: str, pid: int, record: dict[str, Any]) -> bool:
    """INT is for the server's process group alone."""
    stat = process(pid) if name == "INT" else None
    return name != "INT" or (stat is not None and stat.pgrp == record["pid"])
