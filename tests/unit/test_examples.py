"""The examples of docs/own_hub.md run, and the page shows them as they are."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hublab.topology.model import Host, Topology
from hublab.topology.packages import packages_from, packages_in

DOCS = Path(__file__).parents[2] / "docs"
ETC = DOCS.parent / "compose" / "etc"
PAGE = (DOCS / "own_hub.md").read_text()
EXAMPLES = sorted(path.parent for path in (DOCS / "examples").glob("*/jupyterhub_config.py"))
VARIABLES = {
    "JUPYTERHUB_ADMIN": "alice",
    "NOTEBOOK_IMAGE": "base-notebook",
    "NETWORK_NAME": "jupyterhub-network",
    "OAUTH_CLIENT_SECRET": "for-the-lab-0",
}
TOPOLOGY = Topology(
    tuple(Host(n, n.rstrip("12"), "", n, "") for n in ("hub", "proxy", "node1", "node2")), {}
)
SHOWN = re.compile(r"^(?:line |(\S+\.py):)(\d+): (\w+)\.(\w+): ", re.MULTILINE)


@pytest.fixture
def own_config(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module by which a hub's host reads a configuration."""
    monkeypatch.syspath_prepend(str(ETC))
    sys.modules.pop("own_config", None)
    import own_config  # type: ignore[import-not-found]

    return own_config  # type: ignore[no-any-return]


def section(example: Path) -> str:
    """The part of the page about an example."""
    return PAGE.partition(f"(examples/{example.name})")[2].partition("\n## ")[0]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_a_configuration_runs(
    example: Path, own_config: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    found = own_config.run(example / "jupyterhub_config.py").config
    assert found.JupyterHub.spawner_class
    assert found.JupyterHub.authenticator_class


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_its_requirements_can_be_read(example: Path) -> None:
    files = list(example.glob("requirements*.txt"))
    assert files
    for path in files:
        packages = packages_from(path, None)
        assert packages
        assert not packages.all_problems


def test_the_overlay_gives_packages_to_hub_and_nodes() -> None:
    found = packages_in([DOCS / "examples" / "docker" / "lab.yaml"], TOPOLOGY)
    assert sorted(found) == ["hub", "node1", "node2"]
    assert list(found["node2"].apt) == ["git"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_page_shows_lines_that_say_so(example: Path) -> None:
    shown = SHOWN.findall(section(example))
    assert shown
    for file, number, name, trait in shown:
        lines = (example / (file or "jupyterhub_config.py")).read_text().splitlines()
        assert f"c.{name}.{trait} = " in lines[int(number) - 1]


def test_the_page_has_all_examples() -> None:
    assert len(EXAMPLES) == 3
    for example in EXAMPLES:
        assert section(example)
