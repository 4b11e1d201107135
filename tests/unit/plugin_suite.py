"""An empty suite that has hublab's plugin, for tests of the plugin without Docker."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_project import CONFTEST, INI

import hublab


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty suite that has the plugin, whether or not it is installed as an entry point."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_asyncio.plugin")
    monkeypatch.setenv("PYTHONPATH", str(Path(hublab.__file__).parents[1]))
    pytester.makefile(".ini", pytest=INI)
    pytester.makeconftest(CONFTEST)
    return pytester
