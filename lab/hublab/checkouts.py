"""Working trees of the software under test, which a lab runs in place of the releases.

The Python and the templates of a working tree replace those of the release. Its static files are
laid over the release's, so that a tree in which nothing was built works, and what it has built
counts. Dependencies, entry points and version numbers of metadata stay those of the release.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hublab.errors import UsageError
from hublab.paths import COMPOSE

FOLDER = COMPOSE / "source"
PACKAGES = "/opt/jupyter/lib/python3.13/site-packages"
SHARE = "/opt/jupyter/share/jupyterhub"
PROXY = "/opt/chp/node_modules/configurable-http-proxy"
NOTHING = "-"
SKIPPED = ("__pycache__", "node_modules", ".git")
GIT_SECONDS = 10
IN_TRACEBACK = re.compile(r'File "(/[^"]+)", line (\d+)')


@dataclass(frozen=True, slots=True)
class Part:
    """A folder or file of a working tree, and its place on a host."""

    name: str
    target: str
    replaced: bool = True
    """Whether what the release has there goes; else the part is laid over it."""
    kept: str = NOTHING
    """What of a replaced folder stays, and gets the part laid over it."""
    role: str = ""
    """The role whose hosts alone read it; empty for all that have the software."""


@dataclass(frozen=True, slots=True)
class Software:
    """Software whose working tree a lab can run."""

    name: str
    option: str
    hosts: str
    roles: frozenset[str]
    sign: str
    """A file that each of its working trees has."""
    parts: tuple[Part, ...]
    checks: tuple[tuple[str, str], ...]
    """Role, and a command there that prints the version, and fails where it cannot start.

    The first counts whose role a host has; an empty one is every host's.
    """


def imported(module: str) -> str:
    """A command that imports a module, which also leaves it compiled, as not every user may."""
    name = module.partition(".")[0]
    return f"/opt/jupyter/bin/python -c 'import {module}; print({name}.__version__)'"


SOFTWARE = (
    Software(
        "jupyterhub",
        "--hub-source",
        "the hub and the nodes",
        frozenset({"hub", "node", "standalone"}),
        "jupyterhub/app.py",
        (
            Part("jupyterhub", f"{PACKAGES}/jupyterhub"),
            Part("share/jupyterhub/templates", f"{SHARE}/templates", role="hub"),
            Part("share/jupyterhub/static", f"{SHARE}/static", replaced=False, role="hub"),
        ),
        (("hub", imported("jupyterhub.app")), ("", imported("jupyterhub.singleuser.extension"))),
    ),
    Software(
        "jupyter_server",
        "--server-source",
        "the nodes",
        frozenset({"node", "standalone"}),
        "jupyter_server/serverapp.py",
        (Part("jupyter_server", f"{PACKAGES}/jupyter_server", kept="static"),),
        (("", imported("jupyter_server.serverapp")),),
    ),
    Software(
        "configurable-http-proxy",
        "--proxy-source",
        "the proxy",
        frozenset({"proxy"}),
        "lib/configproxy.js",
        (
            Part("bin", f"{PROXY}/bin"),
            Part("lib", f"{PROXY}/lib"),
            Part("index.js", f"{PROXY}/index.js", replaced=False),
            Part("package.json", f"{PROXY}/package.json", replaced=False),
        ),
        (("", f"{PROXY}/bin/configurable-http-proxy --version"),),
    ),
)
"""Every software of which a lab takes a working tree."""
BY_NAME = {one.name: one for one in SOFTWARE}


@dataclass(frozen=True, slots=True)
class Source:
    """A working tree in a lab."""

    software: str
    folder: str
    """On the machine where it was given."""
    described: str
    """What git called its state; empty where it is no clone."""
    digest: str
    """Of its files as they are in the lab."""
    version: str = ""
    hosts: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Version and place in one line."""
        state = f" ({self.described})" if self.described else ""
        return f"{self.software} {self.version}".strip() + f" from {self.folder}{state}"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working tree that a lab is to run. Made by `checkouts_from`."""

    software: Software
    folder: Path

    def parts(self, roles: Collection[str]) -> list[Part]:
        """What hosts with these roles get of it."""
        return [part for part in self.software.parts if not part.role or part.role in roles]

    def files(self, roles: Collection[str]) -> Iterator[tuple[str, Path]]:
        """Path on a host, without the first slash, and file; what caches hold stays behind."""
        for part in self.parts(roles):
            root = self.folder / part.name
            if root.is_file():
                yield part.target.lstrip("/"), root
            for parent, folders, names in os.walk(root):
                folders[:] = sorted(name for name in folders if name not in SKIPPED)
                for name in sorted(names):
                    path = Path(parent, name)
                    if path.is_file() and path.suffix != ".pyc":
                        inside = path.relative_to(root).as_posix()
                        yield f"{part.target.lstrip('/')}/{inside}", path

    def replaced(self, roles: Collection[str]) -> list[str]:
        """The lines of what goes first, for compose/source/apply."""
        parts = [part for part in self.parts(roles) if (self.folder / part.name).is_dir()]
        return [f"{part.target} {part.kept}" for part in parts if part.replaced]

    def source(self) -> Source:
        """What a lab keeps of it: where it came from, and what it is now."""
        digest = hashlib.sha256()
        for name, path in self.files(self.software.roles):
            digest.update(f"\0{name}\0{path.stat().st_mode & 0o111:o}\0".encode())
            digest.update(path.read_bytes())
        described = describe(self.folder)
        short = digest.hexdigest()[:12]
        return Source(self.software.name, str(self.folder), described, short)


def checkouts_from(folders: Mapping[str, Path | None]) -> tuple[Checkout, ...]:
    """The working trees that options name: software -> folder. Raises UsageError for no tree."""
    given = {name: folder for name, folder in folders.items() if folder is not None}
    return tuple(checkout_in(BY_NAME[name], folder) for name, folder in given.items())


def checkout_in(software: Software, folder: Path) -> Checkout:
    """The working tree in a folder. Raises UsageError, with what would be right."""
    whole = folder.absolute()
    sign = whole / software.sign
    try:
        if sign.is_file():
            for part in software.parts:  # a folder that cannot be listed would count as empty
                if (whole / part.name).is_dir():
                    os.listdir(whole / part.name)
            return Checkout(software, whole)
        there = whole.is_dir()
    except OSError as error:
        raise UsageError(
            f"cannot read this working tree: {error.strerror}", where=f"{software.option} {folder}"
        ) from error
    inside = Path(software.sign).name
    reason = f"there is no {software.sign} in this folder" if there else "there is no such folder"
    hint = f"a working tree of {software.name}, the folder that has {software.sign}"
    if there and (whole / inside).is_file():
        hint = f"the folder above it: {whole.parent}"
    raise UsageError(reason, where=f"{software.option} {folder}", hint=hint)


def describe(folder: Path) -> str:
    """What git calls the state of a working tree; empty where git knows it not."""
    argv = ["git", "-C", str(folder), "describe", "--tags", "--always", "--dirty"]
    try:
        top = run_git(["git", "-C", str(folder), "rev-parse", "--show-toplevel"])
        # A folder without a repository of its own may stand in somebody else's.
        return run_git(argv) if top and Path(top).samefile(folder) else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""


def run_git(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=GIT_SECONDS, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def staged(
    checkouts: Iterable[Checkout], sources: Iterable[Source], roles: Collection[str]
) -> dict[str, tuple[bytes, int]]:
    """What compose/source/apply reads on hosts with these roles: name -> content and mode.

    Raises UsageError for a file that cannot be read.
    """
    found = {"apply": ((FOLDER / "apply").read_bytes(), 0o755)}
    replaced, check = [], ["set -e"]
    for one in checkouts:
        replaced += one.replaced(roles)
        command = next(text for role, text in one.software.checks if not role or role in roles)
        check += [f"echo checking {one.software.name} >&2", command]
        for name, path in one.files(roles):
            try:
                content = path.read_bytes()
            except OSError as error:
                where = f"{one.software.option} {path}"
                raise UsageError(f"cannot read it: {error.strerror}", where=where) from error
            found[f"tree/{name}"] = (content, 0o755 if os.access(path, os.X_OK) else 0o644)
    record = json.dumps([asdict(one) for one in sources])
    texts = {
        "replaced": "".join(f"{line}\n" for line in replaced),
        "check": "".join(f"{line}\n" for line in check),
        "sources.json": record,
    }
    return found | {name: (text.encode(), 0o644) for name, text in texts.items()}


def cannot_start(output: Iterable[str], checkouts: Iterable[Checkout]) -> UsageError | None:
    """The error of a working tree that cannot start in a lab, from what `apply` printed.

    None where `apply` failed for another reason.
    """
    by_name = {one.software.name: one for one in checkouts}
    current, words, place = None, "", ""
    for line in map(str.strip, output):
        if line.startswith("checking "):
            current, place = by_name.get(line.removeprefix("checking "), current), ""
        elif line:
            words = line
            place = (current and place_in(current, line)) or place
    if current is None:
        return None
    software = current.software
    hint = None
    if "Error: No module named" in words or "Cannot find module" in words:
        hint = "the working tree runs with what the release needs"
        if "proxy" not in software.roles:
            hint += "; --hub-requirements and --node-requirements install more"
    return UsageError(
        f"{software.name} of this working tree does not start in a lab: {words}",
        where=f"{software.option} {place or current.folder}",
        hint=hint,
    )


def place_in(checkout: Checkout, line: str) -> str:
    """File and line of the working tree that a line of a traceback names; else nothing."""
    if not (found := IN_TRACEBACK.match(line)):
        return ""
    for part in checkout.software.parts:
        if found[1].startswith(f"{part.target}/"):
            return f"{checkout.folder / part.name}{found[1][len(part.target) :]}:{found[2]}"
    return ""
