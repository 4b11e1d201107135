"""Faults: caused in the lab for a time, proved by counters, healed even if their process dies."""

from hublab.faults.clock import clock
from hublab.faults.freeze import freeze
from hublab.faults.lifecycle import RunningFault
from hublab.faults.partition import partition

__all__ = ["RunningFault", "clock", "freeze", "partition"]
