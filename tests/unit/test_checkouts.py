"""Working trees of the software under test: what is one, what of it goes into a lab."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hublab.checkouts import (
    PACKAGES,
    SHARE,
    SOFTWARE,
    Checkout,
    Software,
    cannot_start,
    checkouts_from,
    describe,
    staged,
)
from hublab.errors import UsageError


def tree(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    return tree(
        tmp_path / "jupyterhub",
        "jupyterhub/app.py",
        "jupyterhub/__pycache__/app.cpython-313.pyc",
        "jupyterhub/alembic/env.py",
        "share/jupyterhub/templates/page.html",
        "share/jupyterhub/static/css/style.min.css",
        "docs/index.md",
        ".git/HEAD",
    )


def checkout(folder: Path, name: str = "jupyterhub") -> Checkout:
    (one,) = checkouts_from({name: folder})
    return one


@pytest.mark.parametrize("software", SOFTWARE, ids=[one.name for one in SOFTWARE])
def test_a_folder_that_is_no_working_tree_is_refused(software: Software, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder") as missing:
        checkouts_from({software.name: tmp_path / "nothing"})
    assert missing.value.where == f"{software.option} {tmp_path / 'nothing'}"
    with pytest.raises(UsageError, match=f"there is no {software.sign} in this folder") as other:
        checkouts_from({software.name: tmp_path})
    assert software.sign in str(other.value.hint)


def test_the_folder_of_the_package_is_not_that_of_the_working_tree(hub: Path) -> None:
    with pytest.raises(UsageError) as inside:
        checkout(hub / "jupyterhub")
    assert inside.value.hint == f"the folder above it: {hub}"


def test_nodes_get_the_package_and_the_hub_its_pages_too(hub: Path) -> None:
    """Static files are laid over the release's; package and templates replace it."""
    one = checkout(hub)
    package = [f"{PACKAGES}/jupyterhub/{name}".lstrip("/") for name in ("app.py", "alembic/env.py")]
    assert [name for name, _ in one.files(["node"])] == package
    assert one.replaced(["node"]) == [f"{PACKAGES}/jupyterhub -"]
    assert [name for name, _ in one.files(["hub"])] == [
        *package,
        f"{SHARE}/templates/page.html".lstrip("/"),
        f"{SHARE}/static/css/style.min.css".lstrip("/"),
    ]
    assert one.replaced(["hub"]) == [f"{PACKAGES}/jupyterhub -", f"{SHARE}/templates -"]


def test_the_server_s_own_static_files_stay_where_the_tree_has_none(tmp_path: Path) -> None:
    folder = tree(tmp_path, "jupyter_server/serverapp.py")
    assert checkout(folder, "jupyter_server").replaced(["node"]) == [
        f"{PACKAGES}/jupyter_server static"
    ]


def test_a_change_of_any_file_that_goes_along_is_another_digest(hub: Path) -> None:
    before = checkout(hub).source().digest
    (hub / "docs/index.md").write_text("changed")
    assert checkout(hub).source().digest == before
    (hub / "share/jupyterhub/templates/page.html").write_text("changed")
    changed = checkout(hub).source().digest
    assert changed != before
    (hub / "jupyterhub/app.py").chmod(0o755)
    assert checkout(hub).source().digest not in (before, changed)


def test_programs_stay_executable(tmp_path: Path) -> None:
    folder = tree(tmp_path, "bin/configurable-http-proxy", "lib/configproxy.js", "package.json")
    (folder / "bin/configurable-http-proxy").chmod(0o755)
    one = checkout(folder, "configurable-http-proxy")
    modes = {
        name.rpartition("/")[2]: mode for name, (_, mode) in staged([one], [], ["proxy"]).items()
    }
    assert (modes["configurable-http-proxy"], modes["configproxy.js"]) == (0o755, 0o644)


def test_what_does_not_start_is_told_in_its_own_words(hub: Path) -> None:
    said = ["checking jupyterhub", "Traceback:", "SyntaxError: invalid syntax", ""]
    error = cannot_start(said, [checkout(hub)])
    assert error is not None
    assert "does not start in a lab: SyntaxError: invalid syntax" in error.message
    assert error.where == f"--hub-source {hub}"
    assert error.hint is None
    place = 'File "/opt/jupyter/lib/python3.13/site-packages/jupyterhub/app.py", line 7, in x'
    error = cannot_start(
        [*said[:2], place, "ModuleNotFoundError: No module named 'y'"], [checkout(hub)]
    )
    assert error is not None
    assert error.where == f"--hub-source {hub}/jupyterhub/app.py:7"
    assert "--hub-requirements" in (error.hint or "")
    assert cannot_start(["find: '/opt/jupyter': No such file"], [checkout(hub)]) is None


def test_git_s_name_is_that_of_the_tree_itself(tmp_path: Path) -> None:
    """A tree without a repository of its own, within another one, has none."""

    def git(*argv: str) -> None:
        author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", tmp_path, *author, *argv], check=True, capture_output=True)

    tree(tmp_path, "file", "inside/file")
    assert describe(tmp_path) == ""
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    git("tag", "-m", "6.2", "6.2")
    assert describe(tmp_path) == "6.2"
    (tmp_path / "file").write_text("changed")
    assert describe(tmp_path) == "6.2-dirty"
    assert describe(tmp_path / "inside") == ""
