"""Looks at the programs of hosts."""

from __future__ import annotations

from typing import Any, cast

from hublab.engine import ExecResult
from hublab.lab import Lab
from hublab.processes import listens


def test_a_process_that_ended_meanwhile_does_not_listen() -> None:
    """Between the look-up of its pid and the look at its sockets."""

    class Gone:
        @staticmethod
        def run(*_: str, **__: Any) -> ExecResult:
            return ExecResult(1, "", "stat: cannot statx '/proc/1250': No such file or directory")

        output = Lab.output

    assert not listens(cast(Lab, Gone()), "node1", 1250)
