"""What the tests stand on: accounts, a stock sshd on loopback, and a real JupyterHub process."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import machinery
import pytest
from asking import Ask, asking
from machinery import Account, Hub, Sshd
from realm import gss_hub, gss_node, kdc
from warm_parent import running

__all__ = ["gss_hub", "gss_node", "kdc"]  # fixtures

# An example may take its time: on a shared machine a slow one is no failure.
hypothesis.settings.register_profile(
    "shared machine",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("shared machine")


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Asks for one instance, by default with our own Python."""
    with asking(tmp_path) as question:
        yield question


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which spawner the black-box cases are about."""
    parser.addoption("--spawner", default="ssh", help="ssh, simple, or module.Class")
    parser.addoption("--spawner-config", default="", help="file of lines for jupyterhub_config.py")
    parser.addoption("--warm", action="store_true", help="a warm parent on the node forks servers")


def pytest_configure(config: pytest.Config) -> None:
    """A warm parent forks no other program than JupyterHub's."""
    if config.getoption("--warm"):
        machinery.start_real_servers()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need an sshd say at once what is missing, instead of failing one by one."""
    missing = [name for name in ("sshd", "useradd", "ssh-keygen") if not _which(name)]
    if os.getuid() == 0 and not missing:
        return
    reason = f"needs root{' and ' + ', '.join(missing) if missing else ''}"
    for item in items:
        if item.get_closest_marker("sshd"):
            item.add_marker(pytest.mark.skip(reason=reason))


def _which(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the hub's key pair."""
    where = tmp_path_factory.mktemp("keys")
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(where / "hub")], check=True
    )
    return where


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A stock sshd: nothing is set but address, port and host key."""
    server = Sshd(tmp_path_factory.mktemp("sshd"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def account(keys: Path) -> Iterator[Callable[..., Account]]:
    """Makes accounts that let the hub's key in, and removes them with all they run."""
    made: list[Account] = []

    def make(name: str = "", shell: str = "/bin/bash") -> Account:
        made.append(Account.create(name, shell, (keys / "hub.pub").read_text()))
        made[-1].tiny_server()
        return made[-1]

    yield make
    for one in made:
        one.remove()


@pytest.fixture
def own_sshd(tmp_path: Path) -> Iterator[Sshd]:
    """An sshd for one test alone, which may stop it or cut its connections."""
    (tmp_path / "own_sshd").mkdir()
    server = Sshd(tmp_path / "own_sshd")
    server.start()
    yield server
    server.cut()


@pytest.fixture
def hardened(tmp_path: Path) -> Iterator[Callable[[str], Sshd]]:
    """Starts an sshd with further lines in its configuration."""
    made: list[Sshd] = []

    def make(lines: str) -> Sshd:
        where = tmp_path / f"hardened{len(made)}"
        where.mkdir()
        made.append(Sshd(where, lines))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.cut()


@pytest.fixture(scope="session")
def warmth(request: pytest.FixtureRequest) -> Iterator[str]:
    """With ``--warm``, the settings of a parent that runs as long as the tests; else nothing."""
    if not request.config.getoption("--warm"):
        yield ""
        return
    with running() as parent:
        yield parent.settings


STARTS = pytest.StashKey[Counter[str]]()
"""How the servers of all hubs were started."""


@pytest.fixture
def hub(
    tmp_path: Path, sshd: Sshd, keys: Path, warmth: str, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Hub]]:
    """Starts hubs whose spawner knows the sshd; configuration lines are added to theirs."""
    made: list[Hub] = []

    def make(config: str = "", start: bool = True, node: Sshd | None = None) -> Hub:
        one = Hub(tmp_path / f"hub{len(made)}", node or sshd, keys / "hub", warmth + config)
        made.append(one)
        if start:
            one.start()
        return one

    yield make
    starts = request.config.stash.setdefault(STARTS, Counter())
    for one in made:
        one.kill()
        said = one.log.read_text() if one.log.exists() else ""
        starts["forked"] += said.count(" is forked from a warm parent")
        starts["cold"] += said.count(" starts cold: ")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """With ``--warm``, how many servers were: a test can pass with a cold one as well."""
    if config.getoption("--warm"):
        starts = config.stash.get(STARTS, Counter())
        terminalreporter.write_line(f"servers: {starts['forked']} forked, {starts['cold']} cold")
