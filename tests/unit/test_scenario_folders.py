"""A folder of scenarios is a package: its files are named without regard to other folders."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "scenarios"
FOLDERS = sorted({file.parent for file in SCENARIOS.rglob("test_*.py")})

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
