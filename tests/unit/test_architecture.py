"""The picture of the wings in ARCHITECTURE.md agrees with the imports of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import hublab
from hublab.paths import ROOT

PACKAGE = Path(hublab.__file__).parent
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
FLOORS = re.compile(r"^floor (\d+) +(.+)$", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
MOST_FLAT_MODULES = 16


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, `hublab` left out."""
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
        if path.parent != PACKAGE or not path.stem.startswith("__")
    }


def imports(path: Path) -> Iterator[str]:
    """What a module imports of the package, wherever in the module, by its dotted name."""
    known = modules()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "hublab":
            base = (node.module or "").removeprefix("hublab").lstrip(".")
            for alias in node.names:
                deeper = f"{base}.{alias.name}".lstrip(".")
                if (found := deeper if deeper in known else base) in known:
                    yield found
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("hublab."):
                    yield alias.name.removeprefix("hublab.")


def wing(module: str) -> str:
    return module.partition(".")[0]


def wing_imports() -> dict[str, set[str]]:
    """Wing -> the wings that it imports."""
    found: dict[str, set[str]] = {}
    for module, path in modules().items():
        others = {wing(one) for one in imports(path)} - {wing(module)}
        found.setdefault(wing(module), set()).update(others)
    return found


def drawn_floors() -> dict[str, int]:
    return {name: int(floor) for floor, names in FLOORS.findall(PAGE) for name in names.split()}


def test_every_wing_is_drawn_once_and_described() -> None:
    names = [name for _, line in FLOORS.findall(PAGE) for name in line.split()]
    assert sorted(names) == sorted(wing_imports())
    assert sorted(name for name, _ in ROW.findall(PAGE)) == sorted(names)


def test_the_described_imports_are_those_of_the_code() -> None:
    described = {name: set(text.split()) - {"–"} for name, text in ROW.findall(PAGE)}
    assert described == wing_imports()


def test_no_wing_imports_from_its_own_floor_or_above() -> None:
    floors = drawn_floors()
    wrong = [
        f"{name} (floor {floors[name]}) imports {other} (floor {floors[other]})"
        for name, others in wing_imports().items()
        for other in others
        if floors[other] >= floors[name]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    """A package's own `__init__` that hands names on is no module in this sense."""
    known = modules()
    graph = {
        name: set(imports(path)) - {name}
        for name, path in known.items()
        if path.name != "__init__.py"
    }
    packages = {name for name, path in known.items() if path.name == "__init__.py"}
    TopologicalSorter({n: others - packages for n, others in graph.items()}).prepare()


def test_the_package_is_no_hall() -> None:
    flat = [path.name for path in PACKAGE.glob("*.py")]
    assert len(flat) <= MOST_FLAT_MODULES, flat
