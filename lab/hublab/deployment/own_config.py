"""The user's own configuration files, on top of a lab's base configuration.

The software of hub and servers tries the files first, in throw-away containers, so that a file that
does not run leaves nothing behind. The values that the lab replaces are returned as a list. The
rules for this are next to the base: compose/etc/hub/own_hub_config.py, compose/etc/node/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hublab.engine import Container, Engine
from hublab.engine.records import File
from hublab.errors import UsageError
from hublab.paths import ETC
from hublab.settings.files import JUPYTERHUB_UID
from hublab.settings.image_software import SCRIPTS, answer_of
from hublab.topology.model import Topology

HUB_FILE, SERVER_FILE = "own_hub_config.py", "own_server_config.py"


@dataclass(frozen=True, slots=True)
class Override:
    """A value of the user's that the lab replaces: by which one, and why. None: not set."""

    trait: str
    theirs: str | None
    ours: str | None
    why: str


@dataclass(frozen=True, slots=True)
class OwnConfig:
    """The user's files; None where only the base configuration applies."""

    hub: Path | None = None
    server: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.hub or self.server)

    def check_readable(self) -> None:
        """Raise UsageError for a file that cannot be read."""
        for path in (self.hub, self.server):
            if path:
                read(path)


NO_CONFIG = OwnConfig()


def check_own_config(
    engine: Engine, images: Mapping[str, str], own: OwnConfig, topology: Topology
) -> list[Override]:
    """The values in the files that the lab will replace.

    `images` gives the image of each role. Raises UsageError with file and line for a file that
    cannot be read or does not run.
    """
    found: list[Override] = []
    for scope, role, path in (("hub", "hub", own.hub), ("server", "node", own.server)):
        if path:
            files = [File("their_config.py", read(path)), File("lab.json", lab_json(topology))]
            script, attempt = f"{SCRIPTS}/check_own_config.py", f"try {path}"
            answer = answer_of(engine, images[role], script, scope, attempted=attempt, files=files)
            found += overrides(answer, path)
    return found


def read(path: Path) -> bytes:
    """The content of a file. Raises UsageError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read this configuration: {error.strerror}",
            where=str(path),
            hint="the path of a Python file, such as jupyterhub_config.py",
        ) from error


def lab_json(topology: Topology) -> bytes:
    """The file in which `init` lists the lab's hosts for the hub, with their names only."""
    names = {role: [host.name for host in topology.by_role(role)] for role in ("proxy", "node")}
    return json.dumps(
        {
            "hub": topology.hub.name,
            "proxy": names["proxy"][0],
            "nodes": names["node"],
            "users": [],
            "provider": bool(topology.by_role("identity-provider")),
        }
    ).encode()


def overrides(answer: dict[str, object], path: Path) -> list[Override]:
    """Parse the result of the container that tried a file. Raises UsageError if it did not run."""
    if "broken" in answer:
        line = f":{answer['line']}" if answer["line"] else ""
        raise UsageError(
            f"this configuration does not run in the lab: {answer['broken']}",
            where=f"{path}{line}",
            hint="a file that needs no other file, and only software that is installed in the lab",
        )
    if "wrong" in answer:
        line = f":{answer['line']}" if answer["line"] else ""
        raise UsageError(str(answer["wrong"]), where=f"{path}{line}")
    listed = answer["overridden"]
    assert isinstance(listed, list)
    return [Override(**one) for one in listed]


def put_own_config(engine: Engine, hosts: list[Container], own: OwnConfig) -> None:
    """Put the files on the hosts; hub and servers read them at their next start."""
    for host in hosts:
        if own.hub and "hub" in host.roles:
            # It may contain secrets.
            file = File(HUB_FILE, read(own.hub), mode=0o600, uid=JUPYTERHUB_UID)
            engine.put_files(host.id, ETC, [file])
        if own.server and "node" in host.roles:
            engine.put_files(host.id, ETC, [File(SERVER_FILE, read(own.server))])
