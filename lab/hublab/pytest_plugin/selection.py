"""Selects tests: the markers `issue` and `slow`, the option `--issue`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import pytest

_EXAMPLE = 'issue("jupyterhub#2000", happens=True, workaround="POST /hub/api/proxy")'


@dataclass(frozen=True, slots=True)
class Issue:
    """A report in another project's tracker that a test reproduces."""

    name: str
    """Such as `jupyterhub#2000`, or `owner/project#1` for an owner other than jupyterhub."""
    happens: bool | None
    """Whether it still happens, which the test proves; None if the marker leaves it open."""
    workaround: str
    """How to avoid it, or the change that fixed it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--issue`."""
    parser.getgroup("hublab").addoption(
        "--issue",
        action="append",
        default=[],
        metavar="PROJECT#NUMBER",
        help="only the tests of this issue, such as jupyterhub#2000; may be repeated",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line(
        "markers",
        "issue(name, …, happens=None, workaround=''): the issues that this test reproduces, as "
        "'jupyterhub#2000'; whether it still happens on this version, and the workaround",
    )
    config.addinivalue_line("markers", "slow: takes minutes; left out by -m 'not slow'")


def issues_of(item: pytest.Item) -> tuple[Issue, ...]:
    """The issues that a test's markers name. Raises pytest.UsageError for a wrong marker."""
    return tuple(issue for mark in item.iter_markers("issue") for issue in _issues(mark, item))


def _issues(mark: pytest.Mark, item: pytest.Item) -> list[Issue]:
    try:
        return [
            Issue(str(name), **{"happens": None, "workaround": "", **mark.kwargs})
            for name in mark.args
        ]
    except TypeError as error:
        raise pytest.UsageError(
            f"{item.nodeid}, marker issue: {str(error).rpartition('() ')[2]}; hint: {_EXAMPLE}"
        ) from None


def issue_names(item: pytest.Item) -> set[str]:
    """The names of a test's issues in lower case."""
    return {issue.name.lower() for issue in issues_of(item)}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of other issues. Raises pytest.UsageError for an issue that no test has."""
    requested = {name.lower() for name in config.getoption("--issue")}
    if not requested:
        return
    known = {name for item in items for name in issue_names(item)}
    if missing := sorted(requested - known):
        near = difflib.get_close_matches(missing[0], sorted(known))
        hint = f"; near: {', '.join(near)}" if near else ""
        raise pytest.UsageError(f"--issue: no test here is about {missing[0]}{hint}")
    config.hook.pytest_deselected(items=[one for one in items if not issue_names(one) & requested])
    items[:] = [item for item in items if issue_names(item) & requested]
