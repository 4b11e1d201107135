"""Moves this process to where another one is, in every hierarchy of control groups.

The limits of an account lie there (``user-1000.slice``), and what ends with its sessions.
"""

from __future__ import annotations

import os
import re

from .peer import read
from .refusal import Cold

SESSION = re.compile(r"^(.*/user-\d+\.slice)/session-[^/]+\.scope$")


def follow(pid: int, sessions_differ: bool = False) -> None:
    """Be in the control groups of a process. Raises Cold where that is refused.

    With ``sessions_differ``, two sessions of one account count as the same place: without privilege
    nobody moves between them, and the account's limits are those of the slice above both.
    """
    theirs, ours = _places(read(pid, "cgroup")), _places(read("self", "cgroup"))
    for hierarchy, place in theirs.items():
        here = ours.get(hierarchy, "")
        if place == here or (sessions_differ and _account(place) == _account(here) != ""):
            continue
        if ".." in place.split("/"):
            raise Cold("the launcher is in a control group outside of the parent's namespace")
        for point in _mounts(hierarchy):
            try:
                with open(os.path.join(point + place, "cgroup.procs"), "w") as target:
                    target.write("0")
                break
            except OSError as error:
                raise Cold("cannot enter the launcher's control group %s: %s"
                           % (place, error.strerror)) from error  # fmt: skip
        else:
            raise Cold("the launcher is in control group %s, and none is mounted" % place)


def _places(text: str) -> dict[str, str]:
    """``{controllers: path}``; of version 2 the controllers are ''."""
    rows = (line.split(":", 2) for line in text.splitlines())
    return {row[1]: row[2] for row in rows if len(row) == 3}


def _account(place: str) -> str:
    found = SESSION.match(place)
    return found[1] if found else ""


def _mounts(controllers: str) -> list[str]:
    """Where a hierarchy is mounted whole, by /proc/self/mountinfo (proc(5))."""
    found = []
    wanted = set(controllers.split(","))
    for line in read("self", "mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split()[:3]
        unified = not controllers and kind == "cgroup2"
        divided = controllers and kind == "cgroup" and wanted <= set(options.split(","))
        if root == "/" and (unified or divided):
            found.append(point)
    return found
