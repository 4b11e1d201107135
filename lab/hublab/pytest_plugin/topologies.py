"""Chooses the lab of a test: the marker `topology` and the options `--lab-*`."""

from __future__ import annotations

from pathlib import Path

import pytest

from hublab.cases.options import DEFAULT_TOPOLOGY, LabOptions
from hublab.checkouts import SOFTWARE, checkouts_from, describe
from hublab.errors import UsageError
from hublab.settings.values import Settings


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--lab-name`, `--lab-keep`, `--lab-cold`, `--lab-file`, and `--hub-source` and its like."""
    group = parser.getgroup("hublab", "hublab: the lab that tests run in")
    group.addoption(
        "--lab-name",
        metavar="NAME",
        help="the lab's name (default: a new one); a running lab of that name is used: its "
        "servers, homes and database are deleted, and its settings are restored at the end",
    )
    group.addoption("--lab-keep", action="store_true", help="leave the lab up at the end")
    group.addoption(
        "--lab-cold",
        action="store_true",
        help="each hub does its own imports; default: it is forked from a process that has done "
        "them",
    )
    group.addoption(
        "--lab-file",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a Compose file instead of the tests' own topology; several are merged in order",
    )
    for one in SOFTWARE:
        group.addoption(
            one.option,
            type=Path,
            metavar="DIR",
            help=f"a working tree of {one.name}, in place of the release, for {one.hosts}",
        )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; a missing Compose file or working tree ends the run before it starts."""
    config.addinivalue_line(
        "markers",
        "topology(name, *overlays): the Compose files to run in, as compose/<name>.yaml; "
        "those with the same topology share a lab",
    )
    try:
        files = lab_options(config).files
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    for file in files:
        if not file.is_file():
            raise pytest.UsageError(f"--lab-file: there is no file {file}")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Report working trees, because results would mislead without them."""
    return [
        f"hublab: {one.software.option} {one.folder} {described}".rstrip()
        for one in lab_options(config).checkouts
        for described in [describe(one.folder)]
    ]


def lab_options(config: pytest.Config) -> LabOptions:
    """The `--lab-*` options of this run."""
    # Imported late: pytest rewrites a plugin's assertions only if pytest itself imports it first.
    from hublab.pytest_plugin.cases import PINNED

    files = tuple(path.absolute() for path in config.getoption("--lab-file"))
    return LabOptions(
        config.getoption("--lab-name"),
        config.getoption("--lab-keep"),
        files,
        getattr(config, "workerinput", {}).get("workerid", ""),
        config.getoption("--lab-cold"),
        config.stash.get(PINNED, Settings()),
        checkouts_from({one.name: config.getoption(one.option) for one in SOFTWARE}),
    )


def topology_of(node: pytest.Item) -> tuple[str, ...] | None:
    """The names in the nearest `topology` marker, and those that its case adds.

    Without a marker: the default for a test that uses the fixture `lab`, None for any other.
    Raises pytest.UsageError for a marker without names.
    """
    from hublab.pytest_plugin.cases import case_of  # late, as above

    own, case = marked_topology(node), case_of(node)
    return case.files(own) if own is not None and case else own


def marked_topology(node: pytest.Item) -> tuple[str, ...] | None:
    """What a test itself asks for."""
    mark = node.get_closest_marker("topology")
    if mark is None:
        return DEFAULT_TOPOLOGY if "lab" in getattr(node, "fixturenames", ()) else None
    if not mark.args or mark.kwargs or not all(isinstance(name, str) for name in mark.args):
        raise pytest.UsageError(
            f"{node.nodeid}: the marker topology takes names: topology('lab', 'postgres')"
        )
    return mark.args
