"""Real programs for the tests: sshd, accounts, JupyterHub. Nothing here is a mock."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

BIN = Path(sys.executable).parent
T = TypeVar("T")


def wait_until(
    what: Callable[[], T], timeout: float = 60.0, message: str | Callable[[], str] = ""
) -> T:
    """The first true answer; fails, naming what was waited for, when there is none in time.

    Patient, because machines that run tests are busy.
    """
    until = time.monotonic() + timeout
    while True:
        if found := what():
            return found
        if time.monotonic() > until:
            why = message() if callable(message) else message
            raise AssertionError(why or f"not within {timeout} s: {what}")
        time.sleep(0.05)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def processes_of(uid: int | None) -> dict[int, str]:
    """Living processes of a user, or of all: pid and command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                status = (entry / "status").read_text()
                owner = int(status.split("\nUid:\t")[1].split()[0])
                # a container's users may have the same numbers: what runs there is not ours
                here = len(status.split("\nNSpid:\t")[1].split("\n")[0].split()) == 1
                if here and uid in (None, owner) and "\nState:\tZ" not in status:
                    found[int(entry.name)] = (
                        (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    )
    return found


@dataclass
class Account:
    """A user of the machine, made for one test."""

    name: str
    uid: int
    home: Path

    @classmethod
    def create(cls, name: str, shell: str, public_key: str) -> Account:
        name = name or "ssp" + secrets.token_hex(4)
        subprocess.run(["useradd", "-m", "-s", shell, name], check=True)
        entry = pwd.getpwnam(name)
        account = cls(name, entry.pw_uid, Path(entry.pw_dir))
        account.write(".ssh/authorized_keys", public_key)
        return account

    def write(self, path: str, text: str, mode: int = 0o600) -> Path:
        """A file in the home directory, owned by the user.

        It is there whole or not at all: a program may be reading what stood there before.
        """
        target = self.home / path
        for parent in reversed(target.relative_to(self.home).parents[:-1]):
            (self.home / parent).mkdir(mode=0o700, exist_ok=True)
            os.chown(self.home / parent, self.uid, -1)
        new = target.with_name(f".{target.name}.new")
        new.write_text(text)
        new.chmod(mode)
        os.chown(new, self.uid, -1)
        return new.replace(target)

    def tiny_server(self) -> None:
        """Put the small server into the home directory, for ``TINY``."""
        self.write("tiny_server.py", (Path(__file__).parent / "tiny_server.py").read_text())

    def environment(self, server: str = "") -> dict[bytes, bytes]:
        """The environment that the small server got; with ``--warm`` the test is skipped."""
        if not TINY:
            pytest.skip("only the small server writes down what it got: see test_warm_likeness.py")
        raw = (self.home / f"environment{server}").read_bytes()
        return dict(item.split(b"=", 1) for item in raw.split(b"\0")[:-1])

    def processes(self, containing: str = "") -> dict[int, str]:
        """What the user runs, but for sshd's own processes."""
        running = processes_of(self.uid)
        return {
            pid: line
            for pid, line in running.items()
            if containing in line and not line.startswith(("sshd", "/usr/lib/openssh/sshd"))
        }

    def servers(self) -> dict[int, str]:
        """The single-user servers among what the user runs."""
        return {pid: line for pid, line in self.processes().items() if is_server(line)}

    def running(self) -> dict[int, str]:
        """What runs for the user: also as us, as a local spawner's servers do."""
        found = self.processes()
        for pid, line in processes_of(os.getuid()).items():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/cwd") == str(self.home):
                    found[pid] = line
        return {pid: line for pid, line in found.items() if not _is_helper(line)}

    def check_gone(self) -> None:
        """Nothing of a server runs. Launcher and supervisor may take a moment to end after it."""
        left = [line for line in self.processes().values() if not _is_helper(line)]
        assert not left
        wait_until(lambda: not self.processes(), message="a launcher or a supervisor is left")

    def run(self, *command: str) -> bytes:
        """Run a command as the user, at home; returns what it printed."""
        group = pwd.getpwnam(self.name).pw_gid
        out = subprocess.run(
            command, user=self.uid, group=group, extra_groups=[], cwd=self.home,
            stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
        return out.stdout

    def environ_of(self, pid: int) -> dict[bytes, bytes]:
        """A process's environment, read as the user: root in a container may not."""
        raw = self.run("cat", f"/proc/{pid}/environ")
        # What is left of the space below a warm server's is no variable.
        return dict(item.split(b"=", 1) for item in raw.split(b"\0") if b"=" in item)

    def remove(self) -> None:
        """End everything the user runs, by pid, and delete the account."""

        def ended() -> bool:
            left = set(processes_of(self.uid)) | set(self.running())
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left

        wait_until(ended, message=f"{self.name} still runs something")
        subprocess.run(["userdel", "-r", self.name], check=False, capture_output=True)


def _is_helper(line: str) -> bool:
    """Whether a command line is a launcher's, or a supervisor's."""
    return "sys.stdin.readline" in line or "SSHSPAWNER_" in line


def is_server(line: str) -> bool:
    """Whether a command line is that of a single-user server, or of what stands for one."""
    names = ("tiny_server", "jupyterhub-singleuser")
    return any(name in line for name in names) and not _is_helper(line)


def _kill(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def openssh() -> tuple[int, int]:
    """The version of this machine's OpenSSH: 9.2, 10.0."""
    said = subprocess.run(["ssh", "-V"], check=True, capture_output=True, text=True).stderr
    found = re.match(r"OpenSSH_(\d+)\.(\d+)", said)
    assert found, said
    return int(found[1]), int(found[2])


class Sshd:
    """The machine's sshd, on a port of its own, with stock settings."""

    def __init__(
        self,
        where: Path,
        extra: str = "",
        address: str = "127.0.0.1",
        port: int = 0,
        pam_service: str = "",
    ) -> None:
        """`pam_service`: a name in /etc/pam.d, instead of `sshd`; it begins with `sshd`, too."""
        self.where = where
        self._program = Path("/usr/sbin/sshd")
        if pam_service and openssh() >= (9, 8):
            extra = f"PAMServiceName {pam_service}\n{extra}"
        elif pam_service:  # before 9.8 it is the name of the program
            self._program = where / pam_service
            self._program.symlink_to("/usr/sbin/sshd")
        self.address = address
        self.port = port or free_port()
        self.log = where / "sshd.log"
        self.known_hosts = where / "known_hosts"
        self._process: subprocess.Popen[bytes] | None = None
        key = where / "host_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        public = " ".join((where / "host_key.pub").read_text().split()[:2])
        self.public = public
        self.known_hosts.write_text(
            "".join(
                f"[{name}]:{self.port} {public}\n"
                for name in dict.fromkeys(("127.0.0.1", "localhost", address))
            )
        )
        (where / "sshd_config").write_text(
            f"ListenAddress {address}\nPort {self.port}\nHostKey {key}\n"
            f"PidFile {where}/pid\nUsePAM yes\nKbdInteractiveAuthentication no\n"
            f"PrintMotd no\nAcceptEnv LANG LC_*\n{extra}"
        )

    def start(self) -> None:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-D", "-e", "-f", str(self.where / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        wait_until(self._listens, message=f"sshd does not listen: {self.log}")

    def _listens(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log.read_text()
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with socket.socket(family) as sock:
            return sock.connect_ex((self.address, self.port)) == 0

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def cut(self) -> None:
        """As if the network were gone: nobody listens, and every connection breaks."""
        sessions = self._sessions()
        self.stop()
        _kill(sessions)

    def interrupt(self) -> None:
        """Break every connection; new ones are welcome.

        By a restart: killed sessions would cost us a penalty for crashes (OpenSSH 9.8).
        """
        self.cut()
        self.start()

    def freeze(self, number: int = signal.SIGSTOP) -> None:
        """As if packets were lost: connections stay open and carry nothing; SIGCONT heals."""
        for pid in self._sessions():
            os.kill(pid, number)

    def _sessions(self) -> set[int]:
        return {
            pid
            for pid, line in processes_of(None).items()
            if line.startswith("sshd") and self._mine(pid)
        }

    def _mine(self, pid: int) -> bool:
        """Whether a process descends from our sshd."""
        while pid > 1 and self._process:
            if pid == self._process.pid:
                return True
            try:
                stat = Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                return False
            pid = int(stat.rpartition(")")[2].split()[1])
        return False

    def accepted(self, user: str) -> int:
        """How often the user has signed in."""
        return self.log.read_text().count(f"Accepted publickey for {user} ")


SMALL = f"""
c.SSHSpawner.cmd = ["{sys.executable}", "tiny_server.py"]
"""
"""Configuration with which a hub starts the small server, whose arguments the test uses."""
TINY = SMALL
"""The same where any server would do: nothing with ``--warm``."""


def start_real_servers() -> None:
    """Have hubs start jupyterhub-singleuser, which a warm parent can fork.

    Test modules copy ``TINY`` when they are imported, so this comes before.
    """
    global TINY
    TINY = ""


CONFIG = """
import json, sys
sys.path.insert(0, {tests!r})
c = get_config()
c.JupyterHub.hub_port = {port}
c.JupyterHub.bind_url = "http://127.0.0.1:{unused}"
c.JupyterHub.db_url = "sqlite:///{where}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{where}/cookie_secret"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.proxy_class = "memory_proxy.MemoryProxy"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.log_level = "DEBUG"
c.Authenticator.allow_all = True
c.JupyterHub.allow_named_servers = True
c.JupyterHub.services = [{{"name": "test", "api_token": {token!r}, "admin": True}}]
c.JupyterHub.load_roles = [{{"name": "test", "services": ["test"],
    "scopes": ["admin:users", "admin:servers", "list:users", "read:users", "tokens",
               "delete:servers", "access:servers"]}}]
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0, "slow_stop_timeout": 0}}
c.JupyterHub.spawner_class = "ssh"
c.Spawner.poll_interval = 2
c.Spawner.http_timeout = 60
c.Spawner.start_timeout = 120
c.SSHSpawner.hosts = [{{"name": "node1", "address": "127.0.0.1", "port": {sshd_port}}}]
c.SSHSpawner.known_hosts = "{known_hosts}"
c.SSHSpawner.ssh_client_keys = ["{key}"]
c.SSHSpawner.cmd = ["{bin}/jupyterhub-singleuser"]
"""


class Hub:
    """A JupyterHub process, asked over its REST API."""

    def __init__(self, where: Path, sshd: Sshd, key: Path, config: str) -> None:
        where.mkdir()
        self.where = where
        self.port = free_port()
        self.token = secrets.token_hex(16)
        self.log = where / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None
        text = CONFIG.format(
            tests=str(Path(__file__).parent), port=self.port, unused=free_port(), where=where,
            token=self.token, sshd_port=sshd.port, known_hosts=sshd.known_hosts, key=key, bin=BIN,
        )  # fmt: skip
        (where / "jupyterhub_config.py").write_text(text + config)

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self, wait: bool = True) -> None:
        """Start (again), with the database as it is."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub"], cwd=self.where, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        if wait:
            wait_until(self.answers, 120, f"the hub does not answer: {self.log}")

    def answers(self) -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError):
            return self.api("GET", "/")[0] == 200
        return False

    def kill(self, number: int = signal.SIGKILL, patience: float = 30) -> None:
        """End the hub; servers stay, as in a crash or (SIGTERM) with cleanup_servers off."""
        if self._process:
            self._process.send_signal(number)
            self._process.wait(patience)
            self._process = None

    def wait_dead(self, timeout: float = 120) -> None:
        """Until the hub's process has ended by itself."""
        assert self._process
        self._process.wait(timeout)
        self._process = None

    def api(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        """Status and decoded reply of one request."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/hub/api{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {token or self.token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, _decoded(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read())

    def add_user(self, name: str) -> None:
        assert self.api("POST", f"/users/{name}")[0] in (201, 409)

    def request_start(self, user: str, server: str = "", options: Any = None) -> tuple[int, Any]:
        """Ask for a server; the reply says only that it was asked for."""
        self.add_user(user)
        return self.api("POST", _path(user, server), {} if options is None else options)

    def server(self, user: str, server: str = "") -> dict[str, Any]:
        """The hub's model of the server; empty when there is none."""
        model = self.api("GET", f"/users/{user}")[1]
        found: dict[str, Any] = model.get("servers", {}).get(server, {})
        return found

    def spawn(
        self, user: str, server: str = "", options: Any = None, timeout: float = 120
    ) -> dict[str, Any]:
        """Start a server and wait until it is ready; fails with the hub's log's last lines."""
        status, reply = self.request_start(user, server, options)
        assert status in (201, 202), reply
        return self.wait_ready(user, server, timeout)

    def wait_ready(self, user: str, server: str = "", timeout: float = 120) -> dict[str, Any]:
        def ready() -> dict[str, Any]:
            model = self.server(user, server)
            assert model, f"the spawn failed:\n{self.tail(about=user)}"
            return model if model["ready"] else {}

        return wait_until(ready, timeout, lambda: f"not ready:\n{self.tail()}")

    def wait_failed(self, user: str, server: str = "", timeout: float = 120) -> str:
        """Wait for a spawn to fail; returns what the user is told in the end."""
        wait_until(
            lambda: not self.server(user, server), timeout, lambda: f"did not fail:\n{self.tail()}"
        )
        return self.progress(user, server)

    def progress(self, user: str, server: str = "") -> str:
        """The stream of progress events, until it ends."""
        return str(self.api("GET", _path(user, server) + "/progress")[1])

    def stop(self, user: str, server: str = "", timeout: float = 120) -> None:
        status, reply = self.api("DELETE", _path(user, server))
        assert status in (202, 204), reply
        wait_until(
            lambda: not self.server(user, server), timeout, lambda: f"not gone:\n{self.tail()}"
        )

    def state(self, user: str, server: str = "") -> dict[str, Any]:
        """The spawner's state, from the database's file."""
        import sqlite3

        with contextlib.closing(sqlite3.connect(self.where / "hub.sqlite", timeout=10)) as db:
            row = db.execute(
                "select spawners.state from spawners join users on users.id = user_id"
                " where users.name = ? and spawners.name = ?",
                (user, server),
            ).fetchone()
        return json.loads(row[0]) if row and row[0] else {}

    def tail(self, lines: int = 30, about: str = "") -> str:
        """The log's last lines, of those that name something."""
        said = [line for line in self.log.read_text().splitlines() if about in line]
        return "\n".join(said[-lines:])


def _decoded(text: bytes) -> Any:
    with contextlib.suppress(ValueError):
        return json.loads(text)
    return text.decode("utf-8", "replace")


def _path(user: str, server: str) -> str:
    return f"/users/{user}/servers/{server}" if server else f"/users/{user}/server"
