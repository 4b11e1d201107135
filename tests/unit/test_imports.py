"""The command line is the top of the structure: nothing below it imports it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import hublab

PACKAGE = Path(hublab.__file__).parent
ABOVE = ("cli", "__main__.py")
"""The command line itself, and `python -m hublab`, which only calls it."""


def imported(source: str) -> set[str]:
    """The full names of all modules and names that a module's source imports, wherever."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imports_cli(source: str) -> bool:
    return any(f"{name}.".startswith("hublab.cli.") for name in imported(source))


def below_the_command_line() -> list[str]:
    found = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return sorted(str(path) for path in found if path.parts[0] not in ABOVE)


@pytest.mark.parametrize("module", below_the_command_line())
def test_a_module_below_does_not_import_the_command_line(module: str) -> None:
    assert not imports_cli((PACKAGE / module).read_text())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import hublab.cli", True),
        ("from hublab import cli", True),
        ("def f():\n    from hublab.cli.common import table", True),
        ("import hublab.client\nfrom hublab.probes import clients", False),
    ],
)
def test_an_import_is_recognised(source: str, expected: bool) -> None:
    assert imports_cli(source) is expected
