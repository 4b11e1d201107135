"""What an account asks a node's parent for, and what it is told."""

from __future__ import annotations

import json
import pwd
import subprocess
import sys
from pathlib import Path

import warm_asker
from machinery import Account
from warm_parent import Parent

ASKER = Path(warm_asker.__file__)


def gid(who: Account) -> int:
    return pwd.getpwnam(who.name).pw_gid


def asks(who: Account, one: Parent, *words: str) -> subprocess.Popen[bytes]:
    script = who.write("asker.py", ASKER.read_text())
    argv = [sys.executable, "-IS", str(script), str(one.socket), *words]
    return subprocess.Popen(
        argv, user=who.uid, group=gid(who), extra_groups=[], cwd=who.home,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def told(process: subprocess.Popen[bytes]) -> dict[str, object]:
    assert process.stdout
    found: dict[str, object] = json.loads(process.stdout.readline())
    return found


def identity(who: Account, one: Parent) -> dict[str, str]:
    """Fields of /proc/self/status of a server that the account gets."""
    with asks(who, one, "identity") as process:
        said = told(process)
    assert said.get("exit") == {"returncode": 0}, (said, one.said())
    lines = (line.partition(":") for line in str(said["status"]).splitlines())
    return {name: value.strip() for name, _, value in lines}


def children(one: Parent) -> list[str]:
    assert one.process
    pid = one.process.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
