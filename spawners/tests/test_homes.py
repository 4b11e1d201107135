"""Homes that are full, missing, without locks, or on NFS: what starts, and what is said."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from locks import python_without_locks
from machinery import TINY, Account, Hub, Sshd

pytestmark = pytest.mark.sshd

SMALL = Path("/dev/shm")  # a file system of its own in a container, of 64 MiB
TEMPLATE = "/var/tmp/test-{ssh_username}"


@pytest.fixture
def moved() -> Iterator[Callable[[Account, str], Path]]:
    """Gives an account another home, as an administrator would, whether it is there or not."""
    made: list[Path] = []

    def move(account: Account, home: str) -> Path:
        subprocess.run(["usermod", "-d", home, account.name], check=True)
        made.append(Path(home))
        return made[-1]

    yield move
    for home in made:
        shutil.rmtree(home, ignore_errors=True)


def let_in(account: Account, home: Path) -> None:
    """Have sshd find the keys, whatever the home is."""
    shutil.copytree(account.home, home)
    for path in [home, *home.rglob("*")]:
        os.chown(path, account.uid, -1)


def fill(path: Path) -> None:
    """Write until the file system is full, to the last byte."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1 << 12)):
            continue
    assert shutil.disk_usage(path.parent).free == 0


@pytest.fixture(autouse=True)
def tidy() -> Iterator[None]:
    """What is not in a home goes as well."""
    yield
    for path in Path("/var/tmp").glob("*-ssp*"):
        shutil.rmtree(path)


def test_a_full_home_is_no_reason_not_to_start(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    moved: Callable[[Account, str], Path],
) -> None:
    """With a real server, so that its user can tidy up; found again after a restart of the hub."""
    alice = account()
    home = moved(alice, f"{SMALL}/{alice.name}")
    let_in(alice, home)
    fill(home / "full")
    one = hub()
    one.spawn(alice.name)
    log = one.log.read_text()
    assert f"cannot use {home}/.jupyterhub-ssh/" in log
    assert "No space left on device; " in log
    assert f"/var/tmp/jupyterhub-ssh-{alice.name} is used instead" in log
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    one.stop(alice.name)
    alice.check_gone()


def test_a_home_that_is_missing_is_named(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    moved: Callable[[Account, str], Path],
    tmp_path: Path,
) -> None:
    """sshd goes on in / then (its session.c); the key comes from elsewhere, as with LDAP."""
    alice = account()
    keys = Path(f"/var/tmp/keys-{alice.name}")
    moved(alice, f"/home/gone-{alice.name}")
    keys.mkdir()
    (keys / alice.name).write_text((alice.home / ".ssh/authorized_keys").read_text())
    (tmp_path / "node").mkdir()
    node = Sshd(tmp_path / "node", f"AuthorizedKeysFile {keys}/%u\nStrictModes no\n")
    node.start()
    try:
        one = hub(TINY, node=node)
        one.request_start(alice.name)
        told = one.wait_failed(alice.name)
        assert f"there is no home directory /home/gone-{alice.name} on this node" in told
        assert "orphan" not in one.log.read_text()
    finally:
        node.cut()


def test_a_missing_notebook_dir_is_named(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account()
    one = hub("c.Spawner.notebook_dir = '/data/{username}'\n")
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert f"Spawner.notebook_dir: /data/{alice.name} is no directory on this node" in told
    alice.check_gone()


def test_a_notebook_dir_that_a_prologue_makes(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account()
    one = hub(
        "c.Spawner.notebook_dir = '~/work'\nc.SSHSpawner.prologue = 'mkdir -p ~/work || exit'\n"
    )
    one.spawn(alice.name)
    assert (alice.home / "work").is_dir()


def test_a_home_without_locks(
    hub: Callable[..., Hub], account: Callable[..., Account], tmp_path: Path
) -> None:
    """The kernel refuses flock everywhere here, in the fall-back as well."""
    alice = account()
    tmp_path.chmod(0o755)
    for path in tmp_path.parents:
        if path.owner() == "root" and path.name:
            path.chmod(path.stat().st_mode | 0o011)
    python = python_without_locks(tmp_path)
    one = hub(TINY + f"c.SSHSpawner.remote_python = {python!r}\n")
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert f"cannot lock files in {alice.home}/.jupyterhub-ssh: Function not implemented" in told
    assert "SSHSpawner.run_dir" in told
    log = one.log.read_text()
    assert "orphan" not in log
    assert "Cannot stop" not in log
    alice.check_gone()


def test_an_nfs_home_whose_run_dir_is_removed(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """An NFS client renames an open file that is deleted, and /proc shows its new name."""
    alice = account()
    one = hub(TINY)
    one.spawn(alice.name)
    where = next((alice.home / ".jupyterhub-ssh").iterdir())
    (where / "marker").rename(where / ".nfs0000000000000001")
    for name in ("record.json", "reply.json", "launch.lock"):
        (where / name).unlink()
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    assert len(alice.servers()) == 1
    one.stop(alice.name)
    alice.check_gone()


def test_a_fall_back_that_somebody_else_has_made_counts_for_nothing(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Anybody may make a folder in /var/tmp. What is in it could lead anywhere, or hang."""
    alice, mallory = account(), account()
    alice.write("Documents/thesis.txt", "three years")
    planted = Path(f"/var/tmp/jupyterhub-ssh-{alice.name}")
    for number in range(7):
        folder = planted / f"a{number}"
        folder.mkdir(parents=True)
        (folder / "stop").write_text("{}")
        (folder / "secrets").symlink_to(alice.home / "Documents")
    os.mkfifo(planted / "a0/reply.json")
    for path in [planted, *planted.rglob("*")]:
        os.chown(path, mallory.uid, -1, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o777)
    one = hub(TINY)
    one.spawn(alice.name)
    instance = planted / str(one.state(alice.name)["instance"])
    instance.mkdir()
    os.chown(instance, mallory.uid, -1)
    (instance / "stop").write_text("{}")
    assert (alice.home / "Documents/thesis.txt").exists()
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    one.stop(alice.name)
    alice.check_gone()


def test_a_run_dir_off_the_home_for_each_user(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    users = [account(), account()]
    one = hub(TINY + f"c.SSHSpawner.run_dir = {TEMPLATE!r}\n")
    for user in users:
        one.spawn(user.name)
        assert len(list(Path(f"/var/tmp/test-{user.name}").iterdir())) == 1
        assert not (user.home / ".jupyterhub-ssh").exists()
    for user in users:
        one.stop(user.name)
        user.check_gone()
