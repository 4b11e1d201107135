"""The variables that a lab's Compose files read: its subnet, its ports, its images' tag.

What a running lab has stays: a port or subnet that changed under a lab would cut it in two.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterator, Mapping

from hublab.addresses import LAB_NETWORK, LOOPBACK, free_subnets, prefix
from hublab.engine import Container, Engine
from hublab.errors import UsageError
from hublab.machine.authorities import authorities
from hublab.roles import PUBLISHED

USERS = "HUBLAB_USERS"
USER = re.compile(r"[a-z0-9_.][a-z0-9_.-]*")
"""What Debian's useradd takes; JupyterHub writes names in small letters (Authenticator)."""


def subnet_choices(engine: Engine, lab: str) -> Iterator[str]:
    """First three parts of subnets to try: what the lab has, what the user says, free ones."""
    if present := engine.subnet_of(lab):
        yield present.rpartition(".")[0]
    elif asked := os.environ.get("HUBLAB_SUBNET"):
        yield asked_subnet(asked)
    else:
        for network in free_subnets(engine.subnets_in_use()):
            yield prefix(network)


def check_environment() -> None:
    """Raise UsageError for a variable of the user's that no lab can have."""
    if asked := os.environ.get("HUBLAB_SUBNET"):
        asked_subnet(asked)
    for variable in PUBLISHED:
        if asked := os.environ.get(variable):
            asked_port(variable, asked, local=False)
    for name in os.environ.get(USERS, "").split():
        if not USER.fullmatch(name) or name == "root":
            raise UsageError(
                f"{name!r} cannot be a user of the nodes",
                where=USERS,
                hint="names of small letters, digits, - and _, with blanks between them: alice bob",
            )


def asked_subnet(text: str, variable: str = "HUBLAB_SUBNET") -> str:
    """The subnet that the user asks for, if labs may have it. Raises UsageError."""
    try:
        if ipaddress.IPv4Network(f"{text}.0/24").subnet_of(LAB_NETWORK):
            return text
    except ValueError:
        pass
    raise UsageError(
        f"{text!r} is no subnet for a lab",
        where=variable,
        hint=f"the first three parts of a /24 in {LAB_NETWORK}, for instance 198.18.7",
    )


def ports(engine: Engine, containers: list[Container]) -> dict[str, str]:
    """A port of the loopback for each variable: the present one, the user's, or a free one.

    Raises UsageError when somebody else uses the port that the user asks for.
    """
    chosen = {}
    for variable, role in PUBLISHED.items():
        present = [port for c in containers if role.name in c.roles for port in c.ports.values()]
        if present:
            chosen[variable] = str(present[0])
        elif asked := os.environ.get(variable):
            chosen[variable] = asked_port(variable, asked, engine.is_local)
        else:
            chosen[variable] = str(free_port())
    return chosen


def asked_port(variable: str, text: str, local: bool) -> str:
    """A port that the user asks for, if it can be had."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise UsageError(f"{text!r} is no port", where=variable, hint="a number from 1 to 65535")
    if local:
        try:
            free_port(int(text))
        except OSError as error:
            raise UsageError(
                f"port {text} of 127.0.0.1 cannot be had: {error.strerror}",
                where=variable,
                hint="a free port, or none, so that hublab chooses one",
            ) from error
    return text


def free_port(port: int = 0) -> int:
    """A port of the loopback that nobody has now. Raises OSError when `port` is taken."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, port))
        return int(probe.getsockname()[1])


def all_variables(name: str, ports: Mapping[str, str], base: str, tag: str) -> dict[str, str]:
    """Everything that the Compose files of a lab may read, but its subnets."""
    return {
        "HUBLAB_NAME": name,
        "HUBLAB_BASE": base,
        "HUBLAB_TAG": tag,
        "HUBLAB_CA": authorities(),
        **ports,
    }
