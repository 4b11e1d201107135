"""Whether an environment may be run as root: nobody but root can change what would be imported.

What is checked is the interpreter, its import path, all that lies in it, and every folder above.
The interpreter is asked for its import path as ``nobody``, because nobody has checked it yet.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess

NOBODY = 65534
PATIENCE = 30.0  # seconds for an interpreter to say a few words
OTHERS = stat.S_IWGRP | stat.S_IWOTH

QUESTION = """\
import json, sys
print(json.dumps({"path": sys.path}))
"""


class Untrusted(Exception):
    """Somebody else could change what root would run; names the place."""


def import_path(python: str) -> list[str]:
    """What an interpreter imports from, in isolated mode: folders and archives that exist.

    Raises Untrusted if it does not say so.
    """
    try:
        done = subprocess.run(
            [python, "-I", "-c", QUESTION], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            timeout=PATIENCE, check=True, cwd="/", env={"LANG": "C.UTF-8"},
            preexec_fn=_become_nobody if os.getuid() == 0 else None,
        )  # fmt: skip
        told = json.loads(done.stdout)
        places = [str(place) for place in told["path"]]
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError) as error:
        raise Untrusted("%s does not tell its import path: %s" % (python, error)) from error
    return [place for place in places if os.path.exists(place)]


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def check(python: str, places: list[str], program: str) -> None:
    """Raises Untrusted for whatever somebody other than root can write to."""
    checked = _Checked()
    checked.path(program)
    checked.path(python)
    settings = os.path.join(os.path.dirname(os.path.dirname(python)), "pyvenv.cfg")
    if os.path.lexists(settings):
        checked.path(settings)
    for place in places:
        checked.tree(place)


class _Checked:
    """What has been looked at, so that nothing is twice."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def tree(self, place: str) -> None:
        """The path, and all below it."""
        self.path(place)
        for folder, folders, files in os.walk(os.path.realpath(place)):
            for name in folders + files:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    self._one(path)
                elif os.path.realpath(path) in self._seen:
                    continue
                elif os.path.isdir(path):
                    self.tree(path)
                elif os.path.exists(path):
                    self.path(path)

    def path(self, path: str) -> None:
        """The path and each folder above it, and the same of whatever links lead to."""
        path = os.path.abspath(path)
        while path not in self._seen:
            above = path
            while above not in self._seen:
                self._one(above)
                above = os.path.dirname(above)
            path = _step(path)

    def _one(self, path: str) -> None:
        self._seen.add(path)
        try:
            found = os.lstat(path)
        except OSError as error:
            raise Untrusted("cannot look at %s: %s" % (path, error.strerror)) from error
        if found.st_uid != 0:
            raise Untrusted("%s belongs to uid %d, not to root" % (path, found.st_uid))
        if not stat.S_ISLNK(found.st_mode) and found.st_mode & OTHERS:  # a link's mode says nothing
            mode = stat.S_IMODE(found.st_mode)
            raise Untrusted("others than root can write to %s (mode %o)" % (path, mode))


def _step(path: str) -> str:
    """The path with its first link followed; itself if there is none."""
    built = "/"
    parts = [part for part in path.split("/") if part]
    for index, part in enumerate(parts):
        built = os.path.join(built, part)
        if os.path.islink(built):
            target = os.path.join(os.path.dirname(built), os.readlink(built))
            return os.path.normpath(os.path.join(target, *parts[index + 1 :]))
    return path
