"""Waiting for the end of processes: an event where the kernel has one, else some seconds."""

from __future__ import annotations

import os
import subprocess
import threading
import time

import pytest

from jupyterhub_sshspawner.launcher.processes import wait_for_end

LONG = 60.0  # seconds; nothing here waits for so long unless it fails


def sleeping() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"])


def ended_within(pids: list[int], seconds: float) -> bool:
    begun = time.monotonic()
    wait_for_end(pids, seconds)
    return time.monotonic() - begun < seconds


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Python 3.8 waits for the seconds")
def test_the_end_of_one_is_an_event() -> None:
    """pidfd_open(2): readable when the process ends, also while it waits to be reaped."""
    one, other = sleeping(), sleeping()
    threading.Timer(0.2, one.kill).start()
    assert ended_within([other.pid, one.pid], LONG)
    assert ended_within([one.pid], LONG), "a zombie is no process that one waits for"
    one.wait()
    assert ended_within([one.pid], LONG), "nor is one that is gone"
    other.kill()
    other.wait()


def test_without_an_end_it_returns_after_the_seconds() -> None:
    one = sleeping()
    begun = time.monotonic()
    wait_for_end([one.pid], 0.1)
    assert time.monotonic() - begun >= 0.1
    one.kill()
    one.wait()


def test_where_the_kernel_has_no_event_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """seccomp filters of container engines answer EPERM, older kernels ENOSYS."""

    def refused(pid: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "pidfd_open", refused, raising=False)
    begun = time.monotonic()
    wait_for_end([os.getpid()], 0.1)
    assert time.monotonic() - begun >= 0.1
