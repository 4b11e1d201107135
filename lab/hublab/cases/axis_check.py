"""Checks axes before a lab comes up: hosts of faults, nodes of versions, settings and values.

The software of the images checks settings. Each value is checked by itself, beside what every case
has: that a combination is refused is a result like any other.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from hublab.cases.fault_lines import parse_fault
from hublab.cases.labs import topology_files
from hublab.cases.matrix import Axis
from hublab.cases.surroundings import FAULT, NAMES, OVERLAYS
from hublab.checkouts import Checkout
from hublab.deployment.plan import Plan, make_plan
from hublab.deployment.role_images import with_images
from hublab.engine import Engine
from hublab.errors import SettingError, UsageError
from hublab.progress import Progress
from hublab.settings.checking import check_settings, chooses_class, trait_problems
from hublab.settings.files import ROLE_OF_SCOPE
from hublab.settings.syntax import JSONValue, format_value, is_snippet
from hublab.settings.values import NO_SETTINGS, Settings, unknown_setting

CHECKED_TOGETHER = ("hub", "server")
"""The scopes of which one container checks any number of values."""
NO_PROXY_INSIDE = "onebox"
"""The overlay whose hub has its proxy in the same image."""
NAMED_NODES = ("node1", "node2")
"""Those of which the overlay with older nodes speaks."""


def check_axes(
    axes: Sequence[Axis],
    pinned: Settings,
    plans: Mapping[tuple[str, ...], Plan],
    progress: Progress,
) -> None:
    """Check axes, and settings of every case, against the topologies of a run, with their plans.

    Builds images that are missing. Raises SettingError with the option or key that an axis came
    from, UsageError for a version that a topology cannot have.
    """
    for files, plan in plans.items():
        check_versions(files, plan)
    for axis in axes:
        if axis.key == FAULT:
            check_hosts(axis, plans)
    fixed = [Axis.of(key, [value], where=key) for key, value in pinned.items()]
    settings = [*fixed, *(axis for axis in axes if axis.key not in NAMES)]
    for axis in settings:
        check_readers(axis, plans)
    engine = Engine.connect()
    usual = [plan for files, plan in plans.items() if not {*files} & {*OVERLAYS.values()}]
    others = [plan for plan in plans.values() if plan not in usual]
    images: dict[str, str] = {}
    for plan in usual or others:
        images = {**with_images(plan, "matrix", engine, progress).images, **images}
    if settings:
        progress("checking each value with the software that reads it")
        check_values(engine, images, settings, pinned)
    for plan in others:  # last, because older images take long to build
        with_images(plan, "matrix", engine, progress)


def plans_of(
    topologies: Iterable[tuple[str, ...]], checkouts: tuple[Checkout, ...] = ()
) -> dict[tuple[str, ...], Plan]:
    """The plans of several topologies. Raises UsageError for files that make no lab."""
    return {
        names: make_plan(topology_files(names), checkouts=checkouts)
        for names in dict.fromkeys(topologies)
    }


def check_versions(files: tuple[str, ...], plan: Plan) -> None:
    """Refuse a topology some of whose hosts would keep their version. Raises UsageError."""
    hub, server = OVERLAYS.values()
    if hub in files and NO_PROXY_INSIDE in files:
        raise UsageError(
            f"topology {'+'.join(files)}: there is no older hub that has its proxy inside",
            where="version.hub",
            hint="another topology",
        )
    others = [h.name for h in plan.topology.by_role("node") if h.name not in NAMED_NODES]
    if server in files and others:
        raise UsageError(
            f"topology {'+'.join(files)}: {', '.join(others)} would keep the usual version",
            where="version.server",
            hint=f"a topology whose nodes are {' and '.join(NAMED_NODES)}",
        )


def check_hosts(axis: Axis, plans: Mapping[tuple[str, ...], Plan]) -> None:
    """Raise SettingError for a fault of a host that some topology lacks."""
    for value in axis.values:
        line = parse_fault(str(value))
        if len(set(line.hosts)) < len(line.hosts):
            wrong = f"{line.hosts[0]} cannot be cut off from itself"
            raise SettingError(f"{value}: {wrong}", where=axis.where, hint="two different hosts")
        for files, plan in plans.items():
            known = [host.name for host in plan.topology.hosts]
            for host in line.hosts:
                if host not in known:
                    near = difflib.get_close_matches(host, known, n=1) or known
                    raise SettingError(
                        f"{value}: topology {'+'.join(files)} has no host {host}",
                        where=axis.where,
                        hint=", ".join(near),
                    )


def check_readers(axis: Axis, plans: Mapping[tuple[str, ...], Plan]) -> None:
    """Raise SettingError for a setting that no host of some topology reads."""
    role = ROLE_OF_SCOPE[axis.key.partition(".")[0]]
    for files, plan in plans.items():
        if not plan.topology.by_role(role):
            raise SettingError(
                f"no host of topology {'+'.join(files)} reads {axis.key}",
                where=axis.where,
                hint=f"only topologies with a host of the role {role}",
            )


def check_values(
    engine: Engine, images: Mapping[str, str], axes: Sequence[Axis], pinned: Settings = NO_SETTINGS
) -> None:
    """Have the software of the images check each value of each axis. Raises SettingError."""
    by_traits = [axis for axis in axes if has_traits(axis, pinned)]
    for scope in CHECKED_TOGETHER:
        own = [axis for axis in by_traits if axis.key.partition(".")[0] == scope]
        tries = [(axis, value) for axis in own for value in axis.values]
        if tries:
            sets = [pinned.merged({axis.key: value}).scope(scope) for axis, value in tries]
            found = trait_problems(engine, images[ROLE_OF_SCOPE[scope]], scope, sets)
            for (axis, value), problems in zip(tries, found, strict=True):
                refuse(axis, value, scope, problems)
    slowly = [axis for axis in axes if axis not in by_traits]
    for some in side_by_side(slowly):
        try:
            check_settings(engine, images, pinned.merged(some))
        except SettingError as error:
            raise located(error, slowly) from None


def has_traits(axis: Axis, pinned: Settings) -> bool:
    """Whether a value can be checked among many: it is a trait's and chooses no class."""
    scope = axis.key.partition(".")[0]
    if scope not in CHECKED_TOGETHER or is_snippet(axis.key):
        return False
    sets = [pinned.merged({axis.key: value}).scope(scope) for value in axis.values[:1]]
    return not any(chooses_class(one) for one in sets)


def refuse(
    axis: Axis, value: JSONValue, scope: str, problems: Iterable[Mapping[str, object]]
) -> None:
    """Raise SettingError for the first problem with a value of an axis, or with a pinned one."""
    for problem in problems:
        key = f"{scope}.{problem['key']}"
        where = axis.where if key == axis.key else key
        if problem["reason"] is None:
            known = problem["known"]
            assert isinstance(known, list)
            raise unknown_setting(key, [f"{scope}.{one}" for one in known], where=where)
        shown = f"{key}={format_value(key, value)}: " if key == axis.key else ""
        raise SettingError(f"{shown}{problem['reason']}", where=where)


def side_by_side(axes: Sequence[Axis]) -> list[dict[str, JSONValue]]:
    """The values of several axes, so that each is in one set, in as few sets as there can be."""
    most = max((len(axis.values) for axis in axes), default=0)
    return [
        {axis.key: axis.values[index] for axis in axes if index < len(axis.values)}
        for index in range(most)
    ]


def located(error: SettingError, axes: Sequence[Axis]) -> SettingError:
    """The same error with the option or key that its setting came from."""
    for axis in axes:
        if error.where and error.where.split(",")[0] == axis.key:
            error.message, error.where = f"{axis.key}: {error.message}", axis.where
        elif axis.key in error.message:
            error.where = axis.where
    return error
