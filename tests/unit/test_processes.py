"""Looks at the programs of hosts."""

from __future__ import annotations

from typing import Any, cast

import pytest

from hublab.engine import ExecResult
from hublab.errors import LabError
from hublab.running.lab import Lab
from hublab.running.programs import listens, status


def test_a_process_that_ended_meanwhile_does_not_listen() -> None:
    """Between the look-up of its pid and the look at its sockets."""

    class Gone:
        @staticmethod
        def run(*_: str, **__: Any) -> ExecResult:
            return ExecResult(1, "", "stat: cannot statx '/proc/1250': No such file or directory")

        output = Lab.output

    assert not listens(cast(Lab, Gone()), "node1", 1250)


def svstat(exit_code: int, words: str) -> Lab:
    """A lab with one host, where s6-svstat ends so."""

    class Host:
        roles = ("client",)

    class Lone:
        host = staticmethod(lambda _: Host())
        run = staticmethod(lambda *_, **__: ExecResult(exit_code, "", words))
        output = Lab.output

    return cast(Lab, Lone())


def test_a_host_that_has_only_just_started() -> None:
    """`up` asks as soon as the engine says that the container runs, which s6 does not wait for."""
    now = status(svstat(1, "s6-svstat: fatal: … s6-supervise not running"), "client")
    assert not now.up
    assert not now.ended


def test_any_other_failure_is_told() -> None:
    with pytest.raises(LabError, match="s6-svstat on client ended with 111: no disk"):
        status(svstat(111, "no disk"), "client")
