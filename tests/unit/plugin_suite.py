"""An empty suite that has hublab's plugin, for tests of the plugin without Docker."""

from __future__ import annotations

from pathlib import Path

import pytest

import hublab

# The real fixture brings a lab up; this one asks for the case as that does.
CONFTEST = """\
import pytest

@pytest.fixture
def lab(case):
    return dict(case)
"""
INI = """\
[pytest]
addopts = --strict-markers -p hublab.pytest_plugin -p no:cacheprovider
asyncio_mode = strict
asyncio_default_fixture_loop_scope = session
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty suite that has the plugin, whether or not it is installed as an entry point."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_asyncio.plugin")
    monkeypatch.setenv("PYTHONPATH", str(Path(hublab.__file__).parents[1]))
    pytester.makefile(".ini", pytest=INI)
    pytester.makeconftest(CONFTEST)
    return pytester
