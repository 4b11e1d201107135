"""The cases of a test: the marker `matrix`, the options `--axis` and `--set`, the value `case`.

A test that uses `case`, itself or through the lab, runs once for each case of its matrix, with ids
`key=value`. Without a matrix and without options it runs once, in the default case.
"""

from __future__ import annotations

import pytest

from hublab.cases.matrix import Axis, Case, cases, override, parse_axis
from hublab.cases.surroundings import OVERLAYS, TOPOLOGY
from hublab.errors import SettingError
from hublab.pytest_plugin.breaks import (
    breaks_of,
    broken,
    case_pairs,
    given_break,
    resolve_snippet,
)
from hublab.settings.secrets import secrets_in, shown_value
from hublab.settings.syntax import JSONValue, parse_setting
from hublab.settings.values import Settings

AXES = pytest.StashKey[tuple[Axis, ...]]()
"""The axes of `--axis`."""
PINNED = pytest.StashKey[Settings]()
"""The settings of `--set`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--axis` and `--set`."""
    group = parser.getgroup("hublab")
    group.addoption(
        "--axis",
        action="append",
        default=[],
        metavar="SETTING=VALUES",
        help="values to try, a JSON list or a,b: replaces that axis of every test, or adds it; "
        "also topology=, fault=, version.hub=, version.server=, as for hublab matrix",
    )
    group.addoption(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="one setting for every test; replaces an axis of that setting",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Parse the options once, so that a bad one ends the run before it starts."""
    config.addinivalue_line(
        "markers", "matrix(setting, values): run once for each value; several markers multiply"
    )
    try:
        axes = [parse_axis(text, where="--axis") for text in config.getoption("--axis")]
        cases(axes)  # two axes for one setting are an error
        refuse_two_labs(config, axes)
        config.stash[AXES] = tuple(axes)
        config.stash[PINNED] = Settings.parse(config.getoption("--set"), where="--set")
    except SettingError as error:
        raise pytest.UsageError(str(error)) from None


def refuse_two_labs(config: pytest.Config, axes: list[Axis]) -> None:
    """Raise SettingError for an axis that chooses the lab, where `--lab-file` does."""
    for axis in axes:
        if axis.key in (TOPOLOGY, *OVERLAYS) and config.getoption("--lab-file"):
            raise SettingError(
                f"an axis {axis.key} chooses the lab's files, and so does --lab-file",
                where="--axis",
                hint="one of the two",
            )


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Report the options that changed the cases, because results would mislead without them."""
    axes = [shown_option(text, *parse_axis(text).values) for text in config.getoption("--axis")]
    pins = [shown_option(text, parse_setting(text).value) for text in config.getoption("--set")]
    given = [("--axis", axes), ("--set", pins)]
    return [f"hublab: {option} {' '.join(texts)}" for option, texts in given if texts]


def shown_option(text: str, *values: JSONValue) -> str:
    """A `SETTING=VALUES` as given, or with a digest for each value if one contains a secret."""
    key = text.partition("=")[0].strip()
    if any(any(secrets_in(key, value)) for value in values):
        return f"{key}={','.join(shown_value(key, value) for value in values)}"
    return text


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each of its cases."""
    if "case" not in metafunc.fixturenames:
        return
    try:
        axes = override(axes_of(metafunc.definition), *metafunc.config.stash[AXES])
        created_cases = cases(axes, pinned=metafunc.config.stash[PINNED])
    except SettingError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    if metafunc.config.getoption("--sabotage") and "applied" in metafunc.fixturenames:
        parametrize_pairs(metafunc, created_cases)
    elif len(created_cases[0]):
        # Session scope, so that fixtures of any scope may depend on the case.
        ids = [case.id for case in created_cases]
        metafunc.parametrize("case", created_cases, ids=ids, scope="session")


def parametrize_pairs(metafunc: pytest.Metafunc, created_cases: tuple[Case, ...]) -> None:
    """For `--sabotage`, run a test with pairs of an assumed and an applied case."""
    try:
        given = given_break(metafunc.config)
        if given:
            pairs = [(case, broken(case, given)) for case in created_cases]
        else:
            pairs = case_pairs(created_cases, breaks_of(metafunc.definition))
    except SettingError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    if pairs:
        ids = [f"{assumed.id}<-{applied.id}" for assumed, applied in pairs]
        metafunc.parametrize(("case", "applied"), pairs, ids=ids, scope="session")


@pytest.fixture(scope="session")
def case(request: pytest.FixtureRequest) -> Case:
    """The settings of this run of the test, read like a dict: `case["hub.JupyterHub.hub_ip"]`."""
    return Case(Settings())


def axes_of(node: pytest.Item) -> tuple[Axis, ...]:
    """The axes of a test's markers, in reading order; a nearer marker overrides its module's.

    Raises SettingError that names the test.
    """
    # pytest yields the nearest marker first and, of several decorators, the lowest first.
    marks = reversed(list(node.iter_markers("matrix")))
    return override((), *(_axis(mark, node) for mark in marks))


def _axis(mark: pytest.Mark, node: pytest.Item) -> Axis:
    where = f"{node.nodeid}, marker matrix"
    key, values = mark.args if len(mark.args) == 2 and not mark.kwargs else (None, None)
    if not isinstance(key, str) or not isinstance(values, list | tuple):
        hint = 'matrix("server.ServerApp.allow_origin", ["", "*"])'
        raise SettingError("matrix takes a setting and a list", where=where, hint=hint)
    return Axis.of(key, [resolve_snippet(node, key, value) for value in values], where=where)


def case_of(item: pytest.Item) -> Case | None:
    """The case that this item's lab is put into; None for a test without a case."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    for name in ("applied", "case"):
        if isinstance(found := params.get(name), Case):
            return found
    return Case(Settings()) if "case" in getattr(item, "fixturenames", ()) else None
