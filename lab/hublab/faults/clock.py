"""A wrong clock: the programs of one host read another time than those of the other hosts.

All hosts share the kernel's real-time clock, so the fault does not change the clock but what
programs read. The dynamic linker loads libfaketime into every program that the host starts from
then on (ld.so(8), /etc/ld.so.preload; libfaketime's README, "Using a configuration file").
Programs that run already keep the true time, so restart those that should see the fault. Programs
started during the fault return to the true time within ten seconds of its end, because libfaketime
reads its file again that often.
"""

from __future__ import annotations

import sys
import time
from contextlib import AbstractAsyncContextManager

from hublab.engine import Engine
from hublab.errors import LabError, UsageError
from hublab.faults.lifecycle import RunningFault, running
from hublab.guard.lease import Guard
from hublab.running.lab import Lab
from hublab.running.live import LiveLab

BEGIN = """
library=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1) || exit 1
echo "$1" > /etc/faketimerc && echo "$library" > /etc/ld.so.preload
"""
END = "rm -f /etc/ld.so.preload /etc/faketimerc"
TOLERANCE = 30.0
"""Seconds by which a reading of the clock may be late on a busy machine."""


class Clock:
    """Programs that a host starts are ahead of the true time, or behind it."""

    kind = "clock"

    def __init__(self, lab: Lab, host: str, ahead: float) -> None:
        """Raises NoSuchHost, and UsageError for a shift too small to distinguish from delay."""
        if abs(ahead) <= 2 * TOLERANCE:
            raise UsageError(
                f"a clock that is {ahead:g} s ahead cannot be distinguished from a slow machine",
                hint=f"more than {2 * TOLERANCE:g} s ahead, or less than {-2 * TOLERANCE:g} s",
            )
        self.lab = lab
        self.host = lab.host(host)
        self.ahead = ahead
        self.targets = (self.host.service,)
        self.guard: Guard | None = None

    def begin(self, fault_id: str, seconds: float) -> None:
        # The fault does not end by itself, so a guard ends it if this process dies.
        self.guard = Guard.start(undo=[repair_argv(self.host.id)])
        done = self.lab.run(self.host.service, "sh", "-c", BEGIN, "-", f"{self.ahead:+.0f}")
        if done.exit_code:
            raise LabError(
                f"{self.host.service} has no libfaketime: {done.stderr.strip()}",
                hint="a host of the role hub, proxy, node or identity-provider",
            )
        if abs(self.offset() - self.ahead) > TOLERANCE:
            raise LabError(f"the clock of {self.host.service} is not {self.ahead:g} s ahead")

    def offset(self) -> float:
        """Seconds by which a program that the host starts now is ahead of this machine."""
        return float(self.lab.output(self.host.service, "date", "+%s.%N")) - time.time()

    def counters(self) -> dict[str, int]:
        """Seconds by which the host's new programs are ahead."""
        return {"ahead": round(self.offset())}

    def heal(self) -> None:
        if self.guard:
            self.lab.output(self.host.service, "sh", "-c", END)
            self.guard.release()


def repair_argv(container: str) -> list[str]:
    """The command by which a guard removes the fault from a host."""
    return [sys.executable, "-m", "hublab.faults.clock", container]


def clock(
    live: LiveLab, host: str, *, ahead: float, seconds: float
) -> AbstractAsyncContextManager[RunningFault]:
    """Have a host start its programs `ahead` seconds in the future, or in the past if negative.

    The fault lasts for a block of code, at most for `seconds`. Raises NoSuchHost or UsageError.
    """
    return running(live, Clock(live.lab, host, ahead), seconds)


if __name__ == "__main__":
    Engine.connect().exec(sys.argv[1], ["sh", "-c", END])
