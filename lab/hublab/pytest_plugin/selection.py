"""Which tests run: the markers `issue` and `slow`, the option `--issue`."""

from __future__ import annotations

import difflib

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--issue`."""
    parser.getgroup("hublab").addoption(
        "--issue",
        action="append",
        default=[],
        metavar="PROJECT#NUMBER",
        help="only the tests of this issue, as jupyterhub#2000; several add up",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line(
        "markers", "issue(name, …): the issues that this test reproduces, as 'jupyterhub#2000'"
    )
    config.addinivalue_line("markers", "slow: takes minutes; left out by -m 'not slow'")


def issues_of(item: pytest.Item) -> set[str]:
    """The issues that a test's markers name, in lower case."""
    return {str(name).lower() for mark in item.iter_markers("issue") for name in mark.args}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has no wanted issue; an issue that no test names is a usage error."""
    wanted = {name.lower() for name in config.getoption("--issue")}
    if not wanted:
        return
    known = {name for item in items for name in issues_of(item)}
    if missing := sorted(wanted - known):
        near = difflib.get_close_matches(missing[0], sorted(known))
        hint = f"; near: {', '.join(near)}" if near else ""
        raise pytest.UsageError(f"--issue: no test here is about {missing[0]}{hint}")
    config.hook.pytest_deselected(items=[one for one in items if not issues_of(one) & wanted])
    items[:] = [item for item in items if issues_of(item) & wanted]
