"""A folder of scenarios is a package: its files are named without regard to other folders."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "scenarios"
FILES = sorted(SCENARIOS.rglob("*.py"))
FOLDERS = sorted({file.parent for file in SCENARIOS.rglob("test_*.py")})

BEHIND = ("lab.lab", "live.lab", "who.lab.lab")
"""The lab that blocks the event loop, behind the one that does not."""

pytest_plugins = ("pytester", "plugin_suite")
SCENARIO = """\
from .people import NAME


async def test_spawn(lab):
    assert NAME == "{name}"
"""


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_says_its_subject(folder: Path) -> None:
    module = ast.parse((folder / "__init__.py").read_text())
    assert ast.get_docstring(module)


def test_two_files_of_one_name_are_two_tests(suite: pytest.Pytester) -> None:
    for folder, name in (("one", "alice"), ("other", "bob")):
        place = suite.path / "experiments" / folder
        place.mkdir(parents=True)
        (place / "__init__.py").write_text("")
        (place / "people.py").write_text(f"NAME = {name!r}\n")
        (place / "test_spawn.py").write_text(SCENARIO.format(name=name))
    (suite.path / "experiments" / "__init__.py").write_text("")
    suite.runpytest("experiments").assert_outcomes(passed=2)


def test_no_tool_needs_a_list_of_the_folders() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    named = [*tools["mypy"]["mypy_path"], *tools["pytest"]["ini_options"]["on_every_core"]]
    assert [path for path in named if path.startswith("scenarios/")] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(SCENARIOS).as_posix())
def test_a_scenario_needs_only_the_names_for_scenarios(file: Path) -> None:
    """No module of hublab but `hublab.scenario`, and nothing of a lab behind the fixture's back."""
    tree = ast.walk(ast.parse(file.read_text()))
    found = [
        ast.unparse(node)
        for node in tree
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hublab"))
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in BEHIND)
    ]
    assert [one for one in found if not one.startswith("from hublab.scenario import")] == []


def test_the_page_of_recipes_names_scenarios_that_there_are() -> None:
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+\.py)`", page))
    there = {path.name for path in (ROOT / "scenarios" / "standalone").glob("test_*.py")}
    assert named == there
