"""The node's warm parent, run as root as its unit would."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from machinery import BIN, wait_until

from jupyterhub_sshspawner import __version__
from jupyterhub_sshspawner.exchange.warm_program import warm_program

SYSTEM_PYTHON = "/usr/bin/python3"


class Parent:
    """A parent of the environment that the tests run in."""

    def __init__(self, python: str = "", first: str = "") -> None:
        where = Path(tempfile.mkdtemp(prefix="warm", dir="/run"))  # /tmp is anybody's
        where.chmod(0o755)
        self.where = where
        self.program = where / "warm.py"
        self.program.write_text(warm_program(__version__))
        self.socket = where / "run" / "warm.sock"
        self.log = where / "warm.log"
        self._python = python or str(BIN / "python")
        self._first = first or (SYSTEM_PYTHON if Path(SYSTEM_PYTHON).exists() else sys.executable)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, wait: bool = True) -> None:
        argv = [self._first, "-IS", str(self.program), "--python", self._python]
        argv += ["--socket", str(self.socket), *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            wait_until(self.ready, 60, lambda: f"not ready:\n{self.said()}")

    def ready(self, times: int = 1) -> bool:
        assert self.process
        assert self.process.poll() is None, self.said()
        return self.said().count("ready at") >= times

    def said(self) -> str:
        return self.log.read_text()

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.where)

    @property
    def settings(self) -> str:
        """For a hub that uses it."""
        return (
            f"c.SSHSpawner.warm_start = 'node'\nc.SSHSpawner.warm_socket = {str(self.socket)!r}\n"
        )


@contextlib.contextmanager
def running() -> Iterator[Parent]:
    """A parent that is ready, until the end."""
    one = Parent()
    try:
        one.start()
        yield one
    finally:
        one.remove()
