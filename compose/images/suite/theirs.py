"""Has JupyterHub's own tests start servers by SSHSpawner, on a stock sshd of this machine.

Their spawners are classes on top of SimpleLocalProcessSpawner: that name is SSHSpawner's, with a
node, before they are imported. Every user of the tests is one account, as with that spawner.

With HUBLAB_PROXY (host name) and CONFIGPROXY_AUTH_TOKEN in the environment their hub uses a proxy
on another host, and is at this host's address for it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from jupyterhub import spawner
from traitlets import default
from traitlets.config import Config

from jupyterhub_sshspawner import SSHSpawner

ACCOUNT = "theirs"
PROXY = os.environ.get("HUBLAB_PROXY", "")
ADDRESS = socket.gethostbyname(socket.gethostname()) if PROXY else "127.0.0.1"
"""At which hub and servers are, and sshd listens."""
PATIENCE = 10.0
SLOW = 60


def start_sshd(where: Path) -> int:
    """Start sshd on a port of the loopback, with a key that lets the hub in as the account."""
    for name in ("host_key", "hub"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(where / name)]
        subprocess.run(argv, check=True)
    subprocess.run(["useradd", "-m", "-s", "/bin/bash", ACCOUNT], check=True)
    keys = Path("/home", ACCOUNT, ".ssh", "authorized_keys")
    keys.parent.mkdir(mode=0o700)
    keys.write_text((where / "hub.pub").read_text())
    for path in (keys.parent, keys):
        shutil.chown(path, ACCOUNT)
    with socket.socket() as free:
        free.bind((ADDRESS, 0))
        port = int(free.getsockname()[1])
    public = (where / "host_key.pub").read_text()
    (where / "known_hosts").write_text(f"[{ADDRESS}]:{port} {public}")
    (where / "sshd_config").write_text(
        f"ListenAddress {ADDRESS}\nPort {port}\nHostKey {where}/host_key\nPidFile {where}/pid\n"
        f"UsePAM yes\nMaxStartups 100\n"
    )
    for program in Path(sys.executable).parent.glob("jupyterhub-*"):
        Path("/usr/local/bin", program.name).symlink_to(program)
    Path("/run/sshd").mkdir(exist_ok=True)
    sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", f"{where}/sshd_config"])
    atexit.register(sshd.terminate)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with socket.socket() as attempt:
            if attempt.connect_ex((ADDRESS, port)) == 0:
                return port
        time.sleep(0.05)
    raise RuntimeError("sshd does not listen")


WHERE = Path(tempfile.mkdtemp())
PORT = start_sshd(WHERE)


class Theirs(SSHSpawner):
    """SSHSpawner with the machine's sshd as its node."""

    @default("hosts")
    def _own_hosts(self) -> list[Any]:
        return [{"name": ADDRESS, "port": PORT}]

    @default("ssh_username")
    def _own_account(self) -> str:
        return ACCOUNT

    @default("ssh_client_keys")
    def _own_keys(self) -> list[str]:
        return [str(WHERE / "hub")]

    @default("preflight_hub_check")
    def _no_hub(self) -> bool:
        return False  # some tests start a spawner without a hub that would answer

    @default("known_hosts")
    def _own_known_hosts(self) -> str:
        return str(WHERE / "known_hosts")


spawner.SimpleLocalProcessSpawner = Theirs


def configure_hubs() -> None:
    """Give every hub of the tests a proxy on another host, unless the test brings its own.

    And patience: a start over SSH on a machine that does much else may take more than the ten
    seconds after which a hub answers 202 in place of 201.
    """
    from jupyterhub.tests import mocking

    def begin(self: Any, *args: Any, **kwargs: Any) -> None:
        config = kwargs.setdefault("config", Config())
        config.JupyterHub.setdefault("tornado_settings", {"slow_spawn_timeout": SLOW})
        if PROXY and "api_url" not in config.ConfigurableHTTPProxy:
            config.ConfigurableHTTPProxy.api_url = f"http://{PROXY}:8001"
            config.ConfigurableHTTPProxy.should_start = False
            config.JupyterHub.bind_url = f"http://{PROXY}:8000/@/space%20word/"
            config.JupyterHub.hub_ip = ADDRESS
        original(self, *args, **kwargs)

    original = mocking.MockHub.__init__
    mocking.MockHub.__init__ = begin


configure_hubs()

LISTENS = """
import os, socket
from urllib.parse import urlsplit
port = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port
listening = socket.create_server(("", port))
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Their smallest servers sleep and do not listen; with SSHSpawner no such server has started.

    LocalProcessSpawner returns when it has started a process, and SSHSpawner when that listens.
    """
    for module in {item.module for item in items if isinstance(item, pytest.Function)}:
        for name in ("_echo_sleep", "_uninterruptible"):
            if hasattr(module, name):
                setattr(module, name, LISTENS + getattr(module, name))


@pytest.fixture(autouse=True)
def _folders_that_the_account_may_enter(tmp_path: Path) -> None:
    """Their servers read files of the tests, whose folders pytest makes for their owner alone."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
