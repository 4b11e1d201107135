"""The files of an empty project that has hublab's plugin."""

from __future__ import annotations

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
