"""Variables and a password for one's own configuration: where they come from, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from hublab.deployment import own_files
from hublab.deployment.own_environment import password_from, variables_from
from hublab.deployment.own_files import hub_files
from hublab.errors import UsageError


def test_values_of_the_caller_and_of_files_are_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "of-the-caller")
    file = tmp_path / "hub.env"
    file.write_text("# comment\n\nexport TOKEN='in the file'\nCLIENT_SECRET=not-this\n")
    given = variables_from(["CLIENT_SECRET", "PREFIX=/x/longer"], [file])
    assert given.values == {
        "TOKEN": "in the file",
        "CLIENT_SECRET": "of-the-caller",
        "PREFIX": "/x/longer",
    }
    assert given.secrets == ["of-the-caller", "in the file"]
    assert "of-the-caller" not in repr(given)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("NOT_THERE_AT_ALL", "has no variable NOT_THERE_AT_ALL"),
        ("a b=s3cret", "not the name of a variable"),
        ("CONFIGPROXY_AUTH_TOKEN=s3cret", "the lab itself sets"),
        ("A=" + "x" * 5000, "too long"),
    ],
)
def test_what_cannot_be_a_variable_is_refused_without_its_value(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        variables_from([text], [])
    assert "s3cret" not in str(caught.value)


def test_a_line_without_a_value_is_refused_at_its_line(tmp_path: Path) -> None:
    file = tmp_path / "hub.env"
    file.write_text("A=1\nB\n")
    with pytest.raises(UsageError, match=rf"where: {file}:2"):
        variables_from([], [file])


def test_a_password_is_the_one_line(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("open sesame\n\n")
    assert password_from(file) == "open sesame"


@pytest.mark.parametrize(
    ("text", "said"),
    [("\n", "first line is empty"), ("a\nb\n", "more than one line"), ("a\0b", "a NUL")],
)
def test_what_is_no_password_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "password"
    file.write_text(text)
    with pytest.raises(UsageError, match=said) as refused:
        password_from(file)
    assert text.strip() not in str(refused.value) or not text.strip()


def test_the_folder_goes_along_without_hidden_files(tmp_path: Path) -> None:
    config = tmp_path / "jupyterhub_config.py"
    config.write_text("load_subconfig('more.py')")
    for name in ("more.py", ".secret", "name", "templates/page.html", ".git/config"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    files = hub_files(config)
    assert [file.name for file in files] == [
        "own/jupyterhub_config.py",
        "own/more.py",
        "own/name",
        "own/templates/page.html",
    ]
    assert {file.mode for file in files} == {0o440}


def test_no_name_in_the_folder_is_the_labs_own(tmp_path: Path) -> None:
    """Whatever the configuration and the files beside it are called, all go along as they are."""
    names = ["name", "own_name", "own", "lab.json", "jupyterhub_config.py"]
    for name in names:
        (tmp_path / name).write_text(f"# {name}")
    for name in names:
        found = {file.name: file.content for file in hub_files(tmp_path / name)}
        assert found == {f"own/{name}": f"# {name}".encode() for name in names}


def test_the_folder_of_a_link_goes_along_and_a_program_stays_one(tmp_path: Path) -> None:
    """As for JupyterHub, the folder of the configuration is that of the path that it is given."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "config").write_text("")
    (tmp_path / "hub").mkdir()
    link = tmp_path / "hub" / "jupyterhub_config.py"
    link.symlink_to(tmp_path / "store" / "config")
    program = tmp_path / "hub" / "cull.sh"
    program.touch(mode=0o700)
    found = {file.name: file.mode for file in hub_files(link)}
    assert found == {"own/jupyterhub_config.py": 0o440, "own/cull.sh": 0o550}


def test_a_folder_that_is_too_large_stays_behind_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "jupyterhub_config.py"
    config.write_text("c.JupyterHub.active_server_limit = 7\n")
    for number in range(3):
        (tmp_path / f"notes{number}.txt").write_text("x" * 10)
    assert own_files.left_behind(config) == ""
    monkeypatch.setattr(own_files, "MOST_BYTES", 29)
    assert [file.name for file in hub_files(config)] == ["own/jupyterhub_config.py"]
    assert str(tmp_path) in own_files.left_behind(config)
    monkeypatch.setattr(own_files, "MOST_BYTES", 30)
    monkeypatch.setattr(own_files, "MOST_FILES", 2)
    assert "more than 2 files" in own_files.left_behind(config)
