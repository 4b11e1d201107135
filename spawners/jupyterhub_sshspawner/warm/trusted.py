"""Whether an environment may be run as root: nobody but root can change what would be imported.

What is checked is the interpreter, its import path, all that lies in it, and every folder above.
The interpreter is asked for its import path as ``nobody``, once what it starts with is checked.
"""

from __future__ import annotations

import glob
import json
import os
import stat
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn, Sequence

NOBODY = 65534
PATIENCE = 30.0  # seconds for an interpreter to say a few words
OTHERS = stat.S_IWGRP | stat.S_IWOTH
LINKS = 40  # as the kernel has it
SITES = ("site-packages", "dist-packages")  # where Python heeds .pth files

QUESTION = """\
import json, sys
print(json.dumps({"path": sys.path}))
"""


class Untrusted(Exception):
    """Somebody else could change what root would run; names the place."""


def check(python: str, program: str) -> list[str]:
    """The import path. Raises Untrusted for whatever somebody other than root can write to."""
    checked = _Checked()
    checked.path(program)
    checked.path(python)
    for found in (python, os.path.realpath(python)):
        prefix = os.path.dirname(os.path.dirname(found))
        for settings in (os.path.join(os.path.dirname(found), "pyvenv.cfg"),
                         os.path.join(prefix, "pyvenv.cfg")):  # fmt: skip
            if os.path.lexists(settings):
                checked.path(settings)
        for place in sorted(glob.glob(os.path.join(glob.escape(prefix), "lib*", "python3*"))):
            checked.tree(place)
    places = _import_path(python)
    for place in places:
        checked.tree(place)
    return places


def _import_path(python: str) -> list[str]:
    """What an interpreter imports from, in isolated mode. Raises Untrusted if it does not say."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", QUESTION], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            timeout=PATIENCE, check=True, cwd="/", env={"LANG": "C.UTF-8"}, start_new_session=True,
            preexec_fn=_become_nobody if os.getuid() == 0 else None,
        )  # fmt: skip
        told = json.loads(done.stdout)
        return [str(place) for place in told["path"]]
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError) as error:
        raise Untrusted("%s does not tell its import path: %s" % (python, error)) from error


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


class Guard:
    """Finds modules as Python does, and refuses those that come from elsewhere.

    An editable installation brings such, and so does a folder that only root can see. It stands
    first on ``sys.meta_path``; ``refuse`` does not return.
    """

    def __init__(self, places: Sequence[str], refuse: Callable[[str], NoReturn]) -> None:
        self._places, self._refuse = list(places), refuse

    def check_path(self) -> None:
        """Refuse an import path that is not the one that was checked."""
        for place in sys.path:
            if place not in self._places:
                self._refuse("root's import path has %s, which was not checked" % place)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The first that another finder finds."""
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                if spec.has_location and not self._covers(str(spec.origin)):
                    self._refuse("%s would come from %s, which was not checked"
                                 % (name, spec.origin))  # fmt: skip
                return spec
        return None

    def _covers(self, path: str) -> bool:
        path = os.path.abspath(path)
        return any(path.startswith(place.rstrip("/") + "/") for place in self._places)


class _Checked:
    """What has been looked at, so that nothing is twice."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._walked: set[str] = set()

    def tree(self, place: str) -> None:
        """The path, and all below it, and what is named there: links, folders of .pth files."""
        self.path(place)
        real = os.path.realpath(place)
        if not os.path.isdir(real):
            return
        for folder, folders, files in os.walk(real, onerror=_fail):
            if folder in self._walked:
                folders.clear()
                continue
            self._walked.add(folder)
            for name in folders + files:
                path = os.path.join(folder, name)
                self._one(path)
                if os.path.islink(path):
                    self.tree(path)
                elif name.endswith(".pth") and os.path.basename(folder) in SITES:
                    self._named_in(path)

    def _named_in(self, path: str) -> None:
        """The folders that a .pth file adds to the import path (site.addpackage)."""
        with open(path, encoding="utf-8", errors="surrogateescape") as source:
            lines = [line.strip() for line in source]
        for line in lines:
            if line and not line.startswith(("#", "import ", "import\t")) and "\0" not in line:
                self.tree(os.path.join(os.path.dirname(path), line))

    def path(self, path: str) -> None:
        """The path, as the kernel walks it: each folder, each link, and where it leads.

        What is not there is not wrong: nobody but root could put it there.
        """
        built, links = "/", 0
        parts = path.split("/")
        while parts:
            self._one(built)
            part = parts.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                built = os.path.dirname(built)
                continue
            here = os.path.join(built, part)
            if not os.path.lexists(here):
                return
            self._one(here)
            if not os.path.islink(here):
                built = here
                continue
            links += 1
            if links > LINKS:
                raise Untrusted("%s leads from link to link" % path)
            target = os.readlink(here)
            built = "/" if target.startswith("/") else built
            parts = target.split("/") + parts

    def _one(self, path: str) -> None:
        if path in self._seen:
            return
        self._seen.add(path)
        try:
            found = os.lstat(path)
        except OSError as error:
            _fail(error)
        if found.st_uid != 0:
            raise Untrusted("%s belongs to uid %d, not to root" % (path, found.st_uid))
        if not stat.S_ISLNK(found.st_mode) and found.st_mode & OTHERS:  # a link's mode says nothing
            mode = stat.S_IMODE(found.st_mode)
            raise Untrusted("others than root can write to %s (mode %o)" % (path, mode))


def _fail(error: OSError) -> NoReturn:
    raise Untrusted("cannot look at %s: %s" % (error.filename, error.strerror)) from error
