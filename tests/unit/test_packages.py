"""Packages of one's own: who names them, what makes another image, whose fault a failure is."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hublab.deployment.build_errors import build_error
from hublab.deployment.layers import is_layered, layered_name, notes_of
from hublab.deployment.plan import all_packages
from hublab.errors import MachineError, UsageError
from hublab.topology.model import Host, Topology
from hublab.topology.packages import Packages, packages_from, packages_in
from hublab.topology.problems import TopologyErrors

INSTALL = Path(__file__).parents[2] / "compose" / "packages" / "install.py"
TOPOLOGY = Topology(
    (
        Host("jhub", "hub", "198.18.0.10", "jhub", ""),
        Host("front", "proxy", "198.18.0.20", "front", ""),
        Host("w1", "node", "198.18.0.31", "w1", ""),
    ),
    {},
)
INSTALLED = {"jupyterhub": "6.1.1", "jupyterhub-sshspawner": "0.1.0", "jinja2": "3.1.6"}


@pytest.fixture
def install() -> ModuleType:
    """The script that runs in the image."""
    spec = importlib.util.spec_from_file_location("install", INSTALL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def packages(folder: Path, requirements: str = "", apt: str = "") -> Packages:
    (folder / "requirements.txt").write_text(requirements)
    (folder / "apt.txt").write_text(apt)
    return packages_from(folder / "requirements.txt", folder / "apt.txt")


def compose(folder: Path, text: str) -> Path:
    path = folder / "my.yaml"
    path.write_text(text)
    return path


# -- where they are named --------------------------------------------------------


def test_a_service_names_files_beside_its_compose_file_or_lists(tmp_path: Path) -> None:
    (tmp_path / "hub.txt").write_text("simpervisor\n")
    path = compose(
        tmp_path,
        "services:\n"
        "  jhub: {x-hublab: {requirements: hub.txt, apt: [git, libldap2]}}\n"
        "  w1: &node {x-hublab: {requirements: ['jupyter-server-proxy>=4']}}\n",
    )
    found = packages_in([path], TOPOLOGY)
    assert [one.name for one in found["jhub"].requirements.lines] == ["simpervisor"]
    assert list(found["jhub"].apt) == ["git", "libldap2"]
    line = found["w1"].requirements.lines[0]
    assert (line.name, str(line.position)) == ("jupyter-server-proxy", f"{path}:3")


def test_a_later_file_names_others(tmp_path: Path) -> None:
    first = compose(tmp_path, "services: {w1: {x-hublab: {apt: [git]}}}\n")
    second = tmp_path / "second.yaml"
    second.write_text("services: {w1: {x-hublab: {apt: [tree]}}}\n")
    assert list(packages_in([first, second], TOPOLOGY)["w1"].apt) == ["tree"]


def test_what_cannot_be_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("fine\nnot a name\n")
    path = compose(
        tmp_path,
        "services:\n"
        "  jhub:\n"
        "    x-hublab:\n"
        "      requirements: gone.txt\n"
        "      aptt: [git]\n"
        "  front: {x-hublab: {apt: [git]}}\n"
        "  w1: {x-hublab: {requirements: bad.txt, apt: ['git; reboot']}}\n",
    )
    with pytest.raises(TopologyErrors) as raised:
        packages_in([path], TOPOLOGY)
    places = {str(one.position): one.reason for one in raised.value.problems}
    assert set(places) == {
        f"{path}:4",
        f"{path}:5",
        f"{path}:6",
        f"{path}:7",
        f"{tmp_path / 'bad.txt'}:2",
    }
    assert "gone.txt" in places[f"{path}:4"]
    assert "knows no aptt" in places[f"{path}:5"]
    assert "Jupyter's software" in places[f"{path}:6"]
    assert "git; reboot" in places[f"{path}:7"]


def test_names_of_debian_packages(tmp_path: Path) -> None:
    found = packages(tmp_path, apt="# tools\ngit  tree\nlibfoo2.0-dev:amd64=1:2.3~rc1-1+b2 # one\n")
    assert list(found.apt) == ["git", "tree", "libfoo2.0-dev:amd64=1:2.3~rc1-1+b2"]
    assert str(found.apt["tree"]) == f"{tmp_path / 'apt.txt'}:2"
    bad = packages(tmp_path, apt="-o Foo=bar\n")
    assert [str(one.position) for one in bad.problems] == [f"{tmp_path / 'apt.txt'}:1"] * 2


def test_options_are_for_all_hosts_of_a_role_besides_those_of_the_files(tmp_path: Path) -> None:
    path = compose(tmp_path, "services: {w1: {x-hublab: {apt: [git]}}}\n")
    given = {"node": packages(tmp_path, "simpervisor\n", "tree\n")}
    found = all_packages((path,), TOPOLOGY, given)
    assert list(found) == ["w1"]
    assert list(found["w1"].apt) == ["git", "tree"]
    assert [one.name for one in found["w1"].requirements.lines] == ["simpervisor"]


def test_a_bad_file_is_refused_with_the_plan(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        all_packages((), TOPOLOGY, {"hub": packages(tmp_path, "fine\nnot a name\n")})
    assert raised.value.where == f"{tmp_path / 'requirements.txt'}:2"
    with pytest.raises(UsageError) as gone:
        all_packages((), TOPOLOGY, {"hub": packages_from(tmp_path / "gone.txt", None)})
    assert "No such file" in gone.value.message


# -- another image, or the same --------------------------------------------------


def test_only_content_makes_another_image(tmp_path: Path) -> None:
    def name(requirements: str, apt: str = "", base: str = "sha256:1") -> str:
        return layered_name("hublab-hub:abc", base, packages(tmp_path, requirements, apt))

    first = name("simpervisor\n", "git\ntree\n")
    assert first.startswith("hublab-hub-packages:")
    assert is_layered(first)
    assert name("# said\nsimpervisor  # why\n\n", "tree git\n") == first
    others = {
        name("simpervisor>=1\n", "git\ntree\n"),
        name("simpervisor\n", "git\n"),
        name("simpervisor\n--pre\n", "git\ntree\n"),
        name("simpervisor\n", "git\ntree\n", base="sha256:2"),
    }
    assert len(others - {first}) == 4


def test_another_wheel_of_the_same_name_makes_another_image(tmp_path: Path) -> None:
    wheel = tmp_path / "mine-1.0-py3-none-any.whl"
    names = set()
    for content in (b"1", b"2"):
        wheel.write_bytes(content)
        names.add(layered_name("hublab-node:abc", "x", packages(tmp_path, f"./{wheel.name}\n")))
    assert len(names) == 2


# -- versions --------------------------------------------------------------------


def asked(**names: str) -> dict[str, Any]:
    lines = [
        {"text": f"{name}{specifier}", "name": name, "specifier": specifier, "url": False}
        for name, specifier in names.items()
    ]
    return {"requirements": lines, "constraints": [], "options": []}


def test_what_is_installed_keeps_its_version(install: ModuleType) -> None:
    requirements, constraints = install.resolved(asked(simpervisor=""), INSTALLED)
    assert requirements == ["simpervisor", "jupyterhub==6.1.1", "jupyterhub-sshspawner==0.1.0"]
    assert constraints == [f"{name}=={version}" for name, version in INSTALLED.items()]


def test_a_version_that_is_asked_for_by_name_is_not_held(install: ModuleType) -> None:
    requirements, constraints = install.resolved(asked(jinja2="==3.1.5"), INSTALLED)
    assert "jinja2==3.1.5" in requirements
    assert not any(line.startswith("jinja2") for line in constraints)


def test_the_labs_jupyterhub_is_never_another(install: ModuleType) -> None:
    wanted = asked(jupyterhub="==4.1.5")
    requirements, constraints = install.resolved(wanted, INSTALLED)
    assert requirements[0] == "jupyterhub==6.1.1"
    assert "jupyterhub==6.1.1" in constraints
    assert install.kept(wanted, INSTALLED) == ["jupyterhub"]
    assert install.kept(asked(jupyterhub=">=4"), INSTALLED) == []


def test_changed_versions_are_told_with_the_line_that_asks(tmp_path: Path) -> None:
    found = packages(tmp_path, "jinja2==3.1.5\njupyterhub==4.1.5\n")
    record = {
        "kept": {"jupyterhub": "6.1.1"},
        "changed": {"jinja2": ["3.1.6", "3.1.5"], "anyio": ["4.12", "4.11"]},
        "added": {"simpervisor": "1.0.0"},
    }
    notes = notes_of(record, found.requirements, ("node1", "node2"))
    assert [(one.name, one.asked, one.has) for one in notes] == [
        ("jupyterhub", "==4.1.5", "6.1.1"),
        ("jinja2", "3.1.6", "3.1.5"),
        ("anyio", "4.12", "4.11"),
    ]
    assert notes[0].position == f"{tmp_path / 'requirements.txt'}:2"
    assert notes[1].position == f"{tmp_path / 'requirements.txt'}:1"
    assert notes[2].position == ""


# -- whose fault -----------------------------------------------------------------

NO_SUCH = (
    "Collecting nosuch",
    "ERROR: Could not find a version that satisfies NoSuch==1 (from versions: none)",
    "ERROR: No matching distribution found for NoSuch==1",
)


def test_a_distribution_that_does_not_exist(tmp_path: Path) -> None:
    error = build_error(NO_SUCH, packages(tmp_path, "fine\nNoSuch==1\n"))
    assert isinstance(error, UsageError)
    assert error.where == f"{tmp_path / 'requirements.txt'}:2"
    assert "No matching distribution found for NoSuch==1" in error.message


def test_a_conflict_without_pips_advice(tmp_path: Path) -> None:
    output = (
        "ERROR: Cannot install a==1 and jupyterhub==6.1.1 because these package versions have "
        "conflicting dependencies.",
        "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/",
        "",
        "The conflict is caused by:",
        "    The user requested a==1",
        "    jupyterhub 6.1.1 depends on a>=2",
        "",
        "To fix this you could try to:",
        "1. loosen the range of package versions you've specified",
    )
    error = build_error(output, packages(tmp_path, "a==1\n"))
    assert error is not None
    assert "jupyterhub 6.1.1 depends on a>=2" in error.message
    assert "loosen" not in error.message
    assert error.where == f"{tmp_path / 'requirements.txt'}:1"


def test_a_missing_compiler_has_a_hint(tmp_path: Path) -> None:
    output = ("  error: command 'gcc' failed: No such file or directory",)
    error = build_error(output, packages(tmp_path, "python-thing\n"))
    assert error is not None
    assert "build-essential" in str(error.hint)
    assert error.where == str(tmp_path / "requirements.txt")


def test_a_package_that_cannot_be_built_is_named(tmp_path: Path) -> None:
    output = (
        "Collecting old==2.0",
        "  error: subprocess-exited-with-error",
        "  × Getting requirements to build wheel did not run successfully.",
        "      SyntaxError: multiple exception types must be parenthesized",
        "      [end of output]",
        "error: subprocess-exited-with-error",
    )
    error = build_error(output, packages(tmp_path, "fine\nold==2.0\n"))
    assert error is not None
    assert error.where == f"{tmp_path / 'requirements.txt'}:2"
    assert error.message.count("subprocess-exited") == 1
    assert "SyntaxError" in error.message


def test_apt_names_the_line_too(tmp_path: Path) -> None:
    error = build_error(
        ("E: Unable to locate package no-such",), packages(tmp_path, apt="git\nno-such\n")
    )
    assert error is not None
    assert error.where == f"{tmp_path / 'apt.txt'}:2"


def test_no_network_is_the_machines_fault(tmp_path: Path) -> None:
    output = ("WARNING: Retrying: Temporary failure in name resolution", *NO_SUCH)
    assert isinstance(build_error(output, packages(tmp_path, "NoSuch==1\n")), MachineError)


def test_an_error_of_the_builder_is_not_theirs(tmp_path: Path) -> None:
    assert build_error(("writing layer",), packages(tmp_path, "a\n")) is None
