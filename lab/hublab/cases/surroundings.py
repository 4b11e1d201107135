"""What a case may have beside its settings: another topology, a fault, other versions. Pure.

Each is an axis like a setting, with a name of its own: `topology=lab,nginx`,
`fault=none,freeze node1`, `version.hub=6.1.1,5.4.6`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from hublab.cases.fault_lines import parse_fault
from hublab.cases.options import DEFAULT_TOPOLOGY
from hublab.deployment.software import versions
from hublab.errors import SettingError
from hublab.paths import COMPOSE
from hublab.settings.syntax import SCOPES, JSONValue, check_key

TOPOLOGY, FAULT = "topology", "fault"
OVERLAYS = {"version.hub": "older-hub", "version.server": "older-nodes"}
"""Axis of a version -> the overlay with the images of the older one."""
NAMES = (TOPOLOGY, *OVERLAYS, FAULT)
FORMS = (
    "topology=lab,nginx+browser",
    "fault=none,partition hub node1",
    "version.hub=VERSION,VERSION",
)
BASE = DEFAULT_TOPOLOGY[0]
"""The file over which all others are laid."""


def check_axis_key(key: str, *, where: str | None = None) -> str:
    """Return the name of an axis, or raise SettingError with the nearest one."""
    if key in NAMES:
        return key
    near = difflib.get_close_matches(key, NAMES, n=1, cutoff=0.7)
    if near and key.partition(".")[0] not in SCOPES:
        raise SettingError(f"there is no axis {key!r}", where=where, hint=near[0])
    try:
        return check_key(key, where=where)
    except SettingError as error:
        if error.hint and "\n" in error.hint:  # all shapes: nothing is near
            error.hint = "\n".join([error.hint, *FORMS])
        raise


def check_surrounding(key: str, value: JSONValue, *, where: str | None = None) -> str:
    """One value of such an axis, in one spelling. Raises SettingError."""
    if not isinstance(value, str):
        raise SettingError(f"{key} needs a text, not {value!r}", where=where)
    if key == FAULT:
        return str(parse_fault(value, where=where))
    if key == TOPOLOGY:
        return "+".join(topology(value, where=where))
    known = known_versions()
    if value not in known:
        found = f"the lab has no JupyterHub {value!r} for {key}"
        raise SettingError(found, where=where, hint=" or ".join(known))
    return value


def topology(text: str, *, where: str | None = None) -> tuple[str, ...]:
    """The files that `lab+nginx` names, `lab` always first. Raises SettingError."""
    names = [name.strip() for name in text.split("+")]
    known = sorted(path.stem for path in COMPOSE.glob("*.yaml"))
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1) or known
            raise SettingError(f"there is no topology {name!r}", where=where, hint=", ".join(near))
    return tuple(dict.fromkeys([BASE, *names]))


def known_versions() -> tuple[str, str]:
    """The versions of JupyterHub that hub and servers can have, the usual one first."""
    older = (COMPOSE / "images" / "requirements-older.txt").read_text()
    return versions()["jupyterhub"], re.findall(r"^jupyterhub==(\S+)", older, re.MULTILINE)[0]


def files_of(own: tuple[str, ...], around: Mapping[str, JSONValue]) -> tuple[str, ...]:
    """The Compose files of a case: those of its test or matrix, or its own, with its versions.

    Overlays that a test asks for itself stay, because it needs what they add.
    """
    names = [*str(around[TOPOLOGY]).split("+"), *own] if TOPOLOGY in around else list(own)
    usual = known_versions()[0] if OVERLAYS.keys() & around.keys() else ""
    names += [over for key, over in OVERLAYS.items() if around.get(key, usual) != usual]
    return tuple(dict.fromkeys(names))
