"""The variables of a lab's Compose files: its subnet, its ports, its images' tag.

A running lab keeps its values, because a changed port or subnet would disconnect its hosts.
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
"""Names that Debian's useradd accepts; JupyterHub converts names to lower case (Authenticator)."""


def subnet_choices(engine: Engine, lab: str) -> Iterator[str]:
    """First three parts of subnets to try: the lab's present one, the user's, free ones."""
    if present := engine.subnet_of(lab):
        yield prefix(present)
    elif requested := os.environ.get("HUBLAB_SUBNET"):
        yield requested_subnet(requested)
    else:
        for network in free_subnets(engine.subnets_in_use()):
            yield prefix(network)


def check_environment() -> None:
    """Raise UsageError for an environment variable with a value that no lab can use."""
    if requested := os.environ.get("HUBLAB_SUBNET"):
        requested_subnet(requested)
    for variable in PUBLISHED:
        if requested := os.environ.get(variable):
            requested_port(variable, requested, local=False)
    for name in os.environ.get(USERS, "").split():
        if not USER.fullmatch(name) or name == "root":
            raise UsageError(
                f"{name!r} cannot be a user of the nodes",
                where=USERS,
                hint="names of lower-case letters, digits, - and _, separated by blanks: alice bob",
            )


def requested_subnet(text: str, variable: str = "HUBLAB_SUBNET") -> str:
    """Return the subnet that the user requested, if labs may use it. Raises UsageError."""
    try:
        if ipaddress.IPv4Network(f"{text}.0/24").subnet_of(LAB_NETWORK):
            return text
    except ValueError:
        pass
    raise UsageError(
        f"{text!r} is not a subnet for a lab",
        where=variable,
        hint=f"the first three parts of a /24 in {LAB_NETWORK}, for instance 198.18.7",
    )


def ports(engine: Engine, containers: list[Container]) -> dict[str, str]:
    """A port of the loopback for each variable: the present one, the user's, or a free one.

    Raises UsageError if a requested port is in use.
    """
    chosen = {}
    for variable, role in PUBLISHED.items():
        present = [port for c in containers if role.name in c.roles for port in c.ports.values()]
        if present:
            chosen[variable] = str(present[0])
        elif requested := os.environ.get(variable):
            chosen[variable] = requested_port(variable, requested, engine.is_local)
        else:
            chosen[variable] = str(free_port())
    return chosen


def requested_port(variable: str, text: str, local: bool) -> str:
    """Return the port that the user requested, if it is available. Raises UsageError."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise UsageError(f"{text!r} is not a port", where=variable, hint="a number from 1 to 65535")
    if local:
        try:
            free_port(int(text))
        except OSError as error:
            raise UsageError(
                f"port {text} of 127.0.0.1 is not available: {error.strerror}",
                where=variable,
                hint="a free port, or no value, so that hublab chooses one",
            ) from error
    return text


def free_port(port: int = 0) -> int:
    """A free port of the loopback. Raises OSError if `port` is in use."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, port))
        return int(probe.getsockname()[1])


def all_variables(name: str, ports: Mapping[str, str], base: str, tag: str) -> dict[str, str]:
    """All variables of a lab's Compose files except its subnets."""
    return {
        "HUBLAB_NAME": name,
        "HUBLAB_BASE": base,
        "HUBLAB_TAG": tag,
        "HUBLAB_CA": authorities(),
        **ports,
    }
