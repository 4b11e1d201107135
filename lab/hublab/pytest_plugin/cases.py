"""The cases of a test: the marker `matrix`, the options `--axis` and `--set`, the value `case`.

A test that asks for `case`, itself or through the lab, runs once for each case of its matrix,
with ids `key=value`. Without a matrix and without options it runs once, in the default case.
"""

from __future__ import annotations

import pytest

from hublab.cases.matrix import Axis, Case, cases, override, parse_axis
from hublab.errors import SettingError
from hublab.pytest_plugin.wrong_cases import beside, breaks_of, wrong_pairs
from hublab.settings.secrets import secrets_in, shown_value
from hublab.settings.syntax import JSONValue, parse_setting
from hublab.settings.values import Settings

_AXES = pytest.StashKey[tuple[Axis, ...]]()
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
        help="values to try, a JSON list or a,b: replaces that axis of every test, or adds it",
    )
    group.addoption(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="one setting for every test; an axis of that setting is not tried",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Read the options once, so that a bad one ends the run before it begins."""
    config.addinivalue_line(
        "markers", "matrix(setting, values): run once for each value; several multiply"
    )
    try:
        axes = [parse_axis(text, where="--axis") for text in config.getoption("--axis")]
        cases(axes)  # two axes for one setting are an error
        config.stash[_AXES] = tuple(axes)
        config.stash[PINNED] = Settings.parse(config.getoption("--set"), where="--set")
    except SettingError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which options changed the cases, because results without that mislead."""
    axes = [told(text, *parse_axis(text).values) for text in config.getoption("--axis")]
    pins = [told(text, parse_setting(text).value) for text in config.getoption("--set")]
    given = [("--axis", axes), ("--set", pins)]
    return [f"hublab: {option} {' '.join(texts)}" for option, texts in given if texts]


def told(text: str, *values: JSONValue) -> str:
    """A `SETTING=VALUES` as it was given; where a secret is in it, with a digest of each value."""
    key = text.partition("=")[0].strip()
    if any(any(secrets_in(key, value)) for value in values):
        return f"{key}={','.join(shown_value(key, value) for value in values)}"
    return text


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each of its cases."""
    if "case" not in metafunc.fixturenames:
        return
    try:
        axes = override(axes_of(metafunc.definition), *metafunc.config.stash[_AXES])
        made = cases(axes, pinned=metafunc.config.stash[PINNED])
    except SettingError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    if metafunc.config.getoption("--sabotage") and "applied" in metafunc.fixturenames:
        tell_another(metafunc, made)
    elif len(made[0]):
        # Session scope, so that fixtures of any scope may depend on the case.
        metafunc.parametrize("case", made, ids=[case.id for case in made], scope="session")


def tell_another(metafunc: pytest.Metafunc, made: tuple[Case, ...]) -> None:
    """Run a test with pairs of a case that it is told and another that its lab gets."""
    try:
        pairs = wrong_pairs(made, breaks_of(metafunc.definition))
    except SettingError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    if pairs:
        ids = [f"{told.id}<-{wrong.id}" for told, wrong in pairs]
        metafunc.parametrize(("case", "applied"), pairs, ids=ids, scope="session")


@pytest.fixture(scope="session")
def case(request: pytest.FixtureRequest) -> Case:
    """The settings of this run of the test, read like a dict: `case["hub.JupyterHub.hub_ip"]`."""
    return Case(Settings())


def axes_of(node: pytest.Item) -> tuple[Axis, ...]:
    """The axes that a test's markers give, in reading order; the nearest wins over its module's.

    Raises SettingError that names the test.
    """
    # Nearest first and, of several decorators, the lowest first: read the other way round.
    marks = reversed(list(node.iter_markers("matrix")))
    return override((), *(_axis(mark, node) for mark in marks))


def _axis(mark: pytest.Mark, node: pytest.Item) -> Axis:
    where = f"{node.nodeid}, marker matrix"
    key, values = mark.args if len(mark.args) == 2 and not mark.kwargs else (None, None)
    if not isinstance(key, str) or not isinstance(values, list | tuple):
        hint = 'matrix("server.ServerApp.allow_origin", ["", "*"])'
        raise SettingError("matrix takes a setting and a list", where=where, hint=hint)
    return Axis.of(key, [beside(node, key, value) for value in values], where=where)


def case_of(item: pytest.Item) -> Case | None:
    """The case that this item's lab is put into; None for a test without."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    for name in ("applied", "case"):
        if isinstance(found := params.get(name), Case):
            return found
    return Case(Settings()) if "case" in getattr(item, "fixturenames", ()) else None
