"""A node's parent and the packages that it has imported: whose they are, and new ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machinery import Account, wait_until
from warm_accounts import asks, children, identity, told
from warm_parent import Parent

pytestmark = pytest.mark.sshd

EX_CONFIG = 78  # sysexits.h


@pytest.fixture
def venv() -> Iterator[Path]:
    """An environment of root's, with all that the tests' own has."""
    where = Path("/opt/attacked")
    argv = [sys.executable, "-m", "venv", "--without-pip", str(where)]
    subprocess.run(argv, check=True)
    where.chmod(0o755)
    ours = next(Path(sys.prefix).glob("lib/python3*/site-packages"))
    (site(where) / "ours.pth").write_text(f"{ours}\n")
    yield where
    shutil.rmtree(where)


def site(where: Path) -> Path:
    return next(where.glob("lib/python3*/site-packages"))


def group_can_write(where: Path, eve: Account) -> Path:
    (site(where) / "folder").mkdir()
    (site(where) / "folder").chmod(0o775)
    return site(where) / "folder"


def belongs_to_eve(where: Path, eve: Account) -> Path:
    os.chown(site(where) / "planted.py", eve.uid, -1)
    return site(where) / "planted.py"


def folder_above_is_eves(where: Path, eve: Account) -> Path:
    os.chown(where, eve.uid, -1)
    return where


def link_to_eves(where: Path, eve: Account) -> Path:
    (site(where) / "linked.py").symlink_to(eve.write("linked.py", ""))
    return eve.home


def link_by_way_of_eves(where: Path, eve: Account) -> Path:
    """It leads to what is checked, today."""
    link = eve.home / "link"
    link.symlink_to(site(where) / "planted.py")
    (site(where) / "linked.py").symlink_to(link)
    return eve.home


def pth_to_a_home(where: Path, eve: Account) -> Path:
    """That root can see, and the account that is asked for the import path cannot."""
    eve.home.chmod(0o700)
    (site(where) / "more.pth").write_text(f"{eve.home}\n")
    return eve.home


def editable_installation(where: Path, eve: Account) -> Path:
    """As setuptools makes one: a finder that knows where the package lies."""
    eve.home.chmod(0o700)
    target = eve.write("planted_too.py", (site(where) / "planted.py").read_text())
    (site(where) / "finder.py").write_text(
        "import sys\nfrom importlib.util import spec_from_file_location\n"
        "class Finder:\n    @staticmethod\n    def find_spec(name, path=None, target=None):\n"
        "        if name == 'jupyterhub':\n"
        f"            return spec_from_file_location(name, {str(target)!r})\n"
        "sys.meta_path.insert(0, Finder)\n"
    )
    (site(where) / "finder.pth").write_text("import finder\n")
    return target


@pytest.mark.parametrize(
    "spoil",
    [group_can_write, belongs_to_eve, folder_above_is_eves, link_to_eves, link_by_way_of_eves,
     pth_to_a_home, editable_installation],
)  # fmt: skip
def test_an_environment_of_others_is_refused(
    spoil: Callable[[Path, Account], Path], venv: Path, account: Callable[..., Account]
) -> None:
    """With the place, and nothing in it has been imported, by whomever."""
    eve = account()
    seen = Path("/tmp/planted-was-imported")
    (site(venv) / "planted.py").write_text(f"open({str(seen)!r}, 'w')\n")
    if spoil is not editable_installation:
        (site(venv) / "planted.pth").write_text("import planted\n")
    place = spoil(venv, eve)
    one = Parent(python=str(venv / "bin/python"))
    try:
        one.start(wait=False)
        assert one.process
        assert one.process.wait(60) == EX_CONFIG, one.said()
        assert "refused, because " in one.said()
        assert str(place) in one.said()
        assert not seen.exists()
    finally:
        one.remove()
        seen.unlink(missing_ok=True)


def test_a_new_package_renews_the_parent(venv: Path, account: Callable[..., Account]) -> None:
    """Who asks in between is answered at the same socket."""
    alice = account()
    one = Parent(python=str(venv / "bin/python"))
    try:
        one.start("--servers", "1")
        where = one.socket.stat().st_ino
        assert one.process
        pid = one.process.pid
        earlier = asks(alice, one, "hold")
        assert "keeper" in told(earlier)
        (site(venv) / "jupyterlab-99.0.dist-info").mkdir()
        wait_until(lambda: "renewing" in one.said(), message=one.said)
        other = account()
        assert identity(other, one)["Uid"].split()[0] == str(other.uid)
        wait_until(lambda: one.ready(2), message=one.said)
        # what an account has from before is counted on
        with asks(alice, one, "identity") as process:
            assert told(process) == {"cold": "the account has 1 servers of the parent"}
        assert (one.socket.stat().st_ino, one.process.pid) == (where, pid)
        # a server that has told its identity has ended before its keeper has
        wait_until(lambda: len(children(one)) == 1, message=lambda: str(children(one)))
        earlier.communicate()
        wait_until(lambda: not children(one), message="a keeper from before stays a zombie")
        assert identity(alice, one)["Uid"].split()[0] == str(alice.uid)
    finally:
        one.remove()
