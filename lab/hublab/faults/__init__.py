"""Faults: done to the lab for a time, proved by counters, healed whatever happens."""

from hublab.faults.clock import clock
from hublab.faults.freeze import freeze
from hublab.faults.partition import partition
from hublab.faults.running import RunningFault

__all__ = ["RunningFault", "clock", "freeze", "partition"]
