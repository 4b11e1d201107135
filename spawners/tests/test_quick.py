"""The shortest answer to a poll: the launcher's own, or none. Needs neither root nor sshd."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from asking import SERVER, Ask, pythons
from machinery import wait_until

from jupyterhub_sshspawner.exchange.protocol import (
    Process,
    Reply,
    ReplyReader,
    command_line,
    quick_line,
    request_bytes,
)
from jupyterhub_sshspawner.launcher.processes import process


def alone(known: dict[str, int], instance: str = "abc123", python: str = "") -> Reply | None:
    """What it replies, with no launcher after it; None when it leaves the answer to that."""
    reader = ReplyReader("nonce")
    sent = quick_line("nonce", instance, known) + b"print('the launcher')\n"
    argv = ["sh", "-c", command_line(python or sys.executable)]
    out = subprocess.run(argv, input=sent, stdout=subprocess.PIPE, check=True).stdout
    reader.feed(out)
    assert (b"the launcher" in out) == (reader.reply is None)
    return reader.reply


@pytest.mark.parametrize("python", pythons())
def test_it_answers_as_the_launcher_does(ask: Ask, python: str) -> None:
    """On each Python from 3.8. The launcher would be asked where the hub knows no processes."""
    reply = ask("start", use=python)
    known = asdict(reply.process)
    assert alone(known, python=python) == reply
    assert ask("status") == reply
    assert ask("status", known=known) == reply
    assert b"def poll" not in request_bytes("status", "n", {"instance": "a", "known": None})
    for op, more in (("stop", {}), ("status", {"ticket": True})):
        body = {"instance": "a", "known": known, **more}
        assert b"def poll" not in request_bytes(op, "n", body)


def test_a_wrapper_s_child_may_be_what_listens(ask: Ask) -> None:
    argv = ["/bin/sh", "-c", f"{sys.executable} -c '{SERVER}'; true"]
    reply = ask("start", argv=argv)
    assert alone(asdict(reply.process)) == reply


@pytest.mark.parametrize("wrong", ["ticks", "pid", "port", "instance"])
def test_it_leaves_what_is_not_so_to_the_launcher(ask: Ask, wrong: str) -> None:
    """Another process under the number, another server's marker, a port that nobody listens at."""
    known = asdict(ask("start").process)
    if wrong == "instance":
        assert alone({**known, "inode": 0}, "abc124") is None
    elif wrong == "pid":
        assert alone({**known, "pid": os.getpid()}) is None
    else:
        assert alone({**known, wrong: known[wrong] + 1}) is None


def test_the_marker_is_known_by_device_and_inode(ask: Ask, tmp_path: Path) -> None:
    """Of an open file that is deleted an NFS client leaves another name."""
    reply = ask("start")
    home = tmp_path / "run/abc123"
    (home / "marker").rename(home / ".nfs000000000000000100000001")
    known = asdict(reply.process)
    assert alone(known) == reply
    assert alone({**known, "inode": 0, "device": 0}) is None


def test_a_zombie_is_left_to_the_launcher(ask: Ask) -> None:
    server = ask("start").process
    os.kill(server.leader, signal.SIGSTOP)
    wait_until(lambda: state_of(server.leader) == "T")
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: state_of(server.pid) == "Z")
    assert alone(asdict(server)) is None
    os.kill(server.leader, signal.SIGCONT)


def state_of(pid: int) -> str:
    found = process(pid)
    return found.state if found else ""


def test_what_has_ended_is_the_launcher_s_to_tell(ask: Ask) -> None:
    known = asdict(ask("start").process)
    ask("stop")
    assert alone(known) is None
    assert ask("status", known=known).returncode == 130


@pytest.mark.parametrize("known", [{}, {"pid": 2**40}, {"pid": -1, "ticks": 1}])
def test_what_it_does_not_understand_is_the_launcher_s(known: dict[str, Any]) -> None:
    full = {**asdict(Process(0, 0, 0, 0, 0)), **known} if known else {"pid": 1}
    assert alone(full) is None


def test_half_a_line_does_nothing(ask: Ask) -> None:
    """The hub was killed in mid-sentence."""
    known = asdict(ask("start").process)
    out = subprocess.run(
        ["sh", "-c", command_line(sys.executable)],
        input=quick_line("nonce", "abc123", known)[:-40], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert out.stdout == b""
