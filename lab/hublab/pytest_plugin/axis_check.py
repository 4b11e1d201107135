"""Checks the axes of `--axis` once the tests are collected, before a lab comes up for them."""

from __future__ import annotations

import pytest

from hublab.errors import MachineError, UsageError
from hublab.pytest_plugin.cases import AXES, PINNED
from hublab.pytest_plugin.lab_fixture import end_run, shown_despite_capture
from hublab.pytest_plugin.topologies import lab_options, topology_of


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """End the run with one message for a name or value that the lab's software does not know."""
    config = session.config
    axes = config.stash[AXES]
    if not axes or config.getoption("collectonly"):
        return
    # What another fixture `lab` brings up is not ours to check.
    items = [item for item in session.items if "_runner" in getattr(item, "fixturenames", ())]
    topologies = dict.fromkeys(filter(None, map(topology_of, items)))
    if not topologies:
        return
    # Late, because collecting tests needs no Docker.
    from hublab.cases.axis_check import check_axes, plans_of
    from hublab.deployment.plan import make_plan

    options = lab_options(config)
    try:
        if options.files:
            names = tuple(path.name for path in options.files)
            plans = {names: make_plan(options.files, checkouts=options.checkouts)}
        else:
            plans = plans_of(topologies, options.checkouts)
        check_axes(axes, config.stash[PINNED], plans, shown_despite_capture(config))
    except (MachineError, UsageError) as error:
        end_run(config, error)
