"""The user's own configuration files, on top of a lab's base configuration.

The software of hub and servers tries the files first, in throw-away containers, so that a file that
does not run leaves nothing behind. The hub's is tried as the hub runs it: as its user, with its
variables, its mounts, a network, and the files of its folder. The values that do not hold are
returned as a list. The rules for this are next to the base: compose/etc/hub/own_hub_config.py,
compose/etc/accounting.py, compose/etc/node/.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hublab.deployment.own_environment import NO_VARIABLES, PROXY_TOKEN, Variables
from hublab.deployment.own_files import FOLDER as OWN
from hublab.deployment.own_files import hub_files, left_behind, read
from hublab.engine import Engine
from hublab.engine.records import File
from hublab.errors import LabError, UsageError
from hublab.paths import ETC
from hublab.running.programs import AS_HUB
from hublab.settings.files import JUPYTERHUB_UID
from hublab.settings.image_software import PYTHON, SCRIPTS
from hublab.topology.model import Topology

SERVER_FILE = "own_server_config.py"
SIGN_IN_SECRETS = ("password", "admin_password", "oauth_client_secret")
SECONDS = 60
"""How long the container of a try-out may run; the file in it has 30 s."""


@dataclass(frozen=True, slots=True)
class Override:
    """A value of the user's that does not hold as it stands: which one replaces it, and why."""

    trait: str
    theirs: str | None
    ours: str | None
    why: str
    kind: str = "replaced"
    """replaced, not in force, unknown, not here, old or sign-in."""
    line: int | None = None
    """Of the user's file; None for a default of JupyterHub's that the lab replaces."""
    file: str | None = None
    """The subconfig that has the line, from the folder of the user's file; None: that file."""


@dataclass(frozen=True, slots=True)
class OwnConfig:
    """The user's files; None where only the base configuration applies."""

    hub: Path | None = None
    server: Path | None = None
    variables: Variables = NO_VARIABLES
    """What the hub finds in its environment."""
    password: str | None = None
    """With which hublab signs users in, where the authenticator has passwords of its own."""

    def __bool__(self) -> bool:
        return bool(self.hub or self.server or self.variables.values or self.password)

    def check_readable(self) -> None:
        """Raise UsageError for a file that cannot be read."""
        for path in (self.hub, self.server):
            if path:
                read(path)


NO_CONFIG = OwnConfig()


def check_own_config(
    engine: Engine,
    images: Mapping[str, str],
    own: OwnConfig,
    topology: Topology,
    config: Mapping[str, Any],
) -> list[Override]:
    """The values in the files that do not hold in the lab as they stand.

    `images` gives the image of each role, `config` the Compose files as Compose merges them. Raises
    UsageError with file and line for a file that cannot be read or does not run.
    """
    found: list[Override] = []
    if own.hub:
        service = config["services"][topology.hub.service]
        variables = {
            PROXY_TOKEN: secrets.token_hex(),  # the lab makes one when it comes up
            **{k: str(v) for k, v in (service.get("environment") or {}).items() if v is not None},
            **own.variables.values,
        }
        files = [
            *(File(f"etc/hublab/{f.name}", f.content, f.mode, f.uid) for f in hub_files(own.hub)),
            File("etc/hublab/lab.json", lab_json(topology)),
            # `init` makes them; no user signs in at a try-out.
            *(File(f"etc/hublab/{name}", b"") for name in SIGN_IN_SECRETS),
            File("tmp/environment.json", json.dumps(variables).encode(), 0o600, JUPYTERHUB_UID),
        ]
        place = f"{ETC}/{OWN}/{own.hub.name}"
        argv = [AS_HUB, PYTHON, f"{SCRIPTS}/check_own_config.py", "hub", place]
        answer = attempt(engine, images["hub"], argv, files, own.hub, binds=binds(service))
        found += overrides(answer, own.hub)
        if why := left_behind(own.hub):
            found.append(Override("the files beside it", None, None, why, kind="not here"))
    if own.server:
        files = [File("tmp/their_config.py", read(own.server))]
        argv = [PYTHON, f"{SCRIPTS}/check_own_config.py", "server", "/tmp/their_config.py"]
        answer = attempt(engine, images["node"], argv, files, own.server)
        found += overrides(answer, own.server)
    return found


def without_idle_password(
    own: OwnConfig, found: list[Override]
) -> tuple[OwnConfig, list[Override]]:
    """Without the user's password where no authenticator of theirs reads it, which is listed."""
    if own.password is None or any(one.kind == "sign-in" for one in found):
        return own, found
    why = "the lab's own authenticator is in force, with the lab's password"
    idle = Override("--password-file", None, None, why, kind="not in force")
    return replace(own, password=None), [*found, idle]


def binds(service: Mapping[str, Any]) -> dict[str, str]:
    """Path on this machine -> path on the hub's host, for what its service mounts."""
    return {
        str(mount["source"]): str(mount["target"])
        for mount in service.get("volumes") or []
        if mount.get("type") == "bind"
    }


def attempt(
    engine: Engine,
    image: str,
    argv: list[str],
    files: list[File],
    path: Path,
    *,
    binds: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The answer of the container that tries a file. Raises UsageError, LabError."""
    whole = ["timeout", "--signal=KILL", str(SECONDS), *argv]
    done = engine.run_once(image, whole, files, "/", binds=binds, network=binds is not None)
    if done.exit_code == 137:
        raise UsageError(
            f"this configuration did not end within {SECONDS} s", where=str(path), hint=HINT
        )
    if done.exit_code:
        raise LabError(f"could not try {path}: {done.stderr.strip()[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


HINT = (
    "variables by --env, files beside the configuration, packages by --hub-requirements; "
    "the file runs twice, once to try it"
)


def lab_json(topology: Topology) -> bytes:
    """The file in which `init` lists the lab's hosts for the hub, with their names only."""
    names = {role: [host.name for host in topology.by_role(role)] for role in ("proxy", "node")}
    return json.dumps(
        {
            "hub": topology.hub.name,
            "proxy": names["proxy"][0],
            "nodes": names["node"],
            "users": [],
            "provider": next((host.name for host in topology.by_role("identity-provider")), ""),
        }
    ).encode()


def overrides(answer: dict[str, Any], path: Path) -> list[Override]:
    """Parse the result of the container that tried a file. Raises UsageError if it did not run."""
    if "broken" in answer:
        raise UsageError(
            f"this configuration does not run in the lab: {answer['broken']}",
            where=place_of(answer, path),
            hint=hint_for(str(answer["broken"]), path.parent),
        )
    if "wrong" in answer:
        wrong = answer["wrong"]
        raise UsageError(
            "\n".join(str(one["why"]) for one in wrong),
            where="\n".join(place_of(one, path) for one in wrong),
        )
    return [Override(**one) for one in answer["overridden"]]


def place_of(one: Mapping[str, Any], path: Path) -> str:
    """The file, and the line where it is known, of a finding in a configuration."""
    file = path.parent / one["file"] if one.get("file") else path
    return f"{file}:{one['line']}" if one["line"] else str(file)


def hint_for(reason: str, folder: Path) -> str:
    """What helps against an exception of a configuration in a folder."""
    if name := re.match(r"KeyError: '([A-Z][A-Z0-9_]*)'", reason):
        return f"--env {name[1]} takes the variable from your environment; see also --env-file"
    missing = re.search(r"ModuleNotFoundError: No module named '(\w+)", reason)
    if missing and ((folder / f"{missing[1]}.py").exists() or (folder / missing[1]).is_dir()):
        return (
            f"{missing[1]} is beside the configuration, which is {ETC}/{OWN} on the hub: "
            f"--env PYTHONPATH={ETC}/{OWN}, or sys.path.insert(0, os.path.dirname(__file__))"
        )
    if missing:
        return "--hub-requirements FILE installs it on the hub; see also x-hublab of a Compose file"
    if reason.startswith(("FileNotFoundError", "PermissionError")):
        return (
            "the folder of the configuration goes along, read-only, as /etc/hublab/own; "
            "any other path must be mounted by a Compose file"
        )
    return HINT
