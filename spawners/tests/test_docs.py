"""The page must be enough (issue 4, row 14): complete, and its configurations work."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import reports
from jupyterhub.spawner import Spawner
from machinery import Account, Hub, wait_until
from traitlets.config import Config

from jupyterhub_sshspawner import SSHSpawner
from jupyterhub_sshspawner.traits import SSHTraits

PAGE = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_table_has_all_settings_and_no_others() -> None:
    table = PAGE.split("## Settings")[1].split("##")[0]
    named = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`[^|]*) \|", table, re.M))))
    ours = set(SSHSpawner.class_traits(config=True)) - set(Spawner.class_traits(config=True))
    assert named == ours


def test_every_setting_has_help() -> None:
    for name, trait in SSHTraits.class_own_traits(config=True).items():
        assert trait.help, name


def test_every_report_has_its_proof() -> None:
    """The page is what ``python tests/reports.py`` writes, and no mark leads nowhere."""
    known = {report.source for report in reports.REPORTS}
    marked = {name for *_, names in reports.tests() for name in names}
    assert marked <= known
    assert {report.source for report in reports.REPORTS if not report.instead} <= marked
    assert reports.PAGE.read_text(encoding="utf-8") == reports.page()


def test_every_demand_has_tests_that_exist() -> None:
    for name in [name for names in reports.DEMANDS.values() for name in names]:
        file, _, test = name.partition("::")
        path = Path(__file__).parent / file
        if path.is_file() or not file.startswith("../../"):  # the repository may not be around us
            assert re.search(rf"^(async )?def {test}\(", path.read_text(), re.M), name


@pytest.mark.parametrize("block", BLOCKS)
def test_configurations_are_accepted(block: str) -> None:
    config = Config()
    exec(block, {"c": config})
    spawner: Any = SSHSpawner(config=config)
    assert spawner.hosts
    assert spawner.known_hosts


@pytest.mark.sshd
def test_the_minimal_configuration_leads_to_a_server(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """As written, but for the places of files and the port of the test's sshd."""
    block = BLOCKS[0]
    keep = {"hosts", "known_hosts", "ssh_client_keys", "cmd"}
    keep |= {"hub_ip", "hub_connect_ip", "cleanup_servers"}
    lines = [line for line in block.splitlines() if not keep & set(re.findall(r"\w+", line))]
    assert lines == ["", 'c.JupyterHub.spawner_class = "ssh"']
    alice = account()
    one = hub("\n".join(lines) + "\n")  # the same settings, with the fixture's values
    one.spawn(alice.name)


CONFIGURED = (Path("/etc/ssh/user_ca.pub"), Path("/etc/ssh/sshd_config.d/jupyterhub.conf"))
PLACES = (Path("/etc/jupyterhub"), Path("/opt/jupyter/bin/jupyterhub-singleuser"))


INSTALL = PAGE.split("\n## Install")[1].split("\n## ")[0]
AUTHORITY = PAGE.split("\n## A user certificate authority")[1].split("\n## ")[0]


def run(part: str) -> list[str]:
    """What the part's commands print, but for those that install or need systemd."""
    commands = re.findall(r"^\$ (ssh-key.*|mkdir .*|echo .*)$", part, re.M)
    return [
        subprocess.run(["sh", "-ec", command], stdout=subprocess.PIPE, text=True, check=True).stdout
        for command in commands
    ]


@pytest.fixture
def stock_sshd(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The machine's sshd as it is installed, on port 22, under the names of the page."""
    hosts = Path("/etc/hosts")
    before = hosts.read_text()
    hosts.write_text(before + "\n127.0.0.1 hub.example\n127.0.0.2 node1\n127.0.0.3 node2\n")
    subprocess.run(["ssh-keygen", "-q", "-A"], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen(["/usr/sbin/sshd", "-D"], stdin=subprocess.DEVNULL)
    wait_until(lambda: listens(22))
    yield process
    process.terminate()
    process.wait(10)
    hosts.write_text(before)
    for path in CONFIGURED:
        path.unlink(missing_ok=True)
    shutil.rmtree(PLACES[0], ignore_errors=True)


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.2", port)) == 0


own_machine = pytest.mark.skipif(
    PLACES[0].exists() or not PLACES[1].exists() or listens(22),
    reason="needs a machine of its own: writes /etc/jupyterhub and runs sshd on port 22",
)


@pytest.mark.sshd
@own_machine
def test_the_page_word_by_word(
    hub: Callable[..., Hub], account: Callable[..., Account], stock_sshd: object
) -> None:
    """Its commands and its minimal configuration as they are, against sshd as it is installed."""
    told = run(INSTALL)
    key = told[-1].split()[1]
    assert told[-2].count(key) == 2, "the nodes' own key is what ssh-keyscan got"
    alice, bob = account(), account()
    for user in (alice, bob):
        user.write(".ssh/authorized_keys", (PLACES[0] / "id_ed25519.pub").read_text())
    one = hub(BLOCKS[0])
    for user in (alice, bob):
        one.spawn(user.name)
    assert {one.state(user.name)["host"] for user in (alice, bob)} == {"node1", "node2"}
    for user in (alice, bob):
        one.stop(user.name)
        user.check_gone()


@pytest.mark.sshd
@own_machine
def test_the_user_certificate_authority_word_by_word(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    stock_sshd: subprocess.Popen[bytes],
) -> None:
    """Accounts that the certificate names need no file; one that it does not name stays shut."""
    alice, bob, carol = (account(name) for name in ("alice", "bob", "carol"))
    for user in (alice, bob, carol):
        (user.home / ".ssh/authorized_keys").unlink()
    run(INSTALL)
    run(AUTHORITY)
    shutil.copy(PLACES[0] / "user_ca.pub", CONFIGURED[0])
    stock_sshd.send_signal(signal.SIGHUP)  # as systemctl reload ssh does
    one = hub(BLOCKS[0])
    wait_until(lambda: listens(22))
    for user in (alice, bob):
        one.spawn(user.name)
        one.stop(user.name)
    one.request_start(carol.name)
    assert "refused the login" in one.wait_failed(carol.name)


def test_servers_outlive_the_hub_with_each_configuration() -> None:
    """JupyterHub's default stops them; and a hub on loopback is reached by no node."""
    for block in BLOCKS[:2]:
        assert "c.JupyterHub.cleanup_servers = False" in block
        assert "c.JupyterHub.hub_ip" in block
        assert "c.JupyterHub.hub_connect_ip" in block
