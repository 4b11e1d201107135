"""The one place from which scenarios import: complete, described, and light to import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hublab.scenario

SOURCE = Path(hublab.scenario.__file__).read_text()
LOADED = (
    "import sys, hublab.scenario; print({'docker', 'playwright', 'aiohttp'} & set(sys.modules))"
)


@pytest.mark.parametrize("name", hublab.scenario.__all__)
def test_a_name_is_there_and_described(name: str) -> None:
    assert getattr(hublab.scenario, name) is not None
    assert f"`{name}`" in str(hublab.scenario.__doc__)


def test_nothing_is_described_that_is_not_there() -> None:
    described = set(re.findall(r"`(\w+)`", str(hublab.scenario.__doc__)))
    fixtures = {"lab", "case", "chromium"}
    assert described - fixtures == set(hublab.scenario.__all__)


def test_a_type_checker_sees_the_same_names() -> None:
    imports = [n for n in ast.walk(ast.parse(SOURCE)) if isinstance(n, ast.ImportFrom)]
    names = {a.asname for n in imports for a in n.names if n.module and "hublab." in n.module}
    assert names == set(hublab.scenario.__all__)


def test_an_unknown_name_is_an_import_error() -> None:
    with pytest.raises(ImportError, match="no_such_name"):
        exec("from hublab.scenario import no_such_name")


def test_importing_it_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
