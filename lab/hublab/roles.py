"""The one table of roles that hosts of a lab can have, and what depends on each role.

To add a role, add a row here and its target to compose/images/Dockerfile. Everything else that
depends on a role reads this table: the checks of Compose files, the defaults of a service that
has only a role, published ports, supervised programs, scopes of settings and the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LABEL = "hublab.role"
"""The label of a Compose service that names its role."""
INIT = "init"
"""The role of the one-shot service that makes keys and secrets, which is not a host."""


@dataclass(frozen=True, slots=True)
class Published:
    """A port of a host that is published on this machine's loopback."""

    port: int
    variable: str
    """The variable of the Compose files that chooses the port on the loopback."""
    default: int
    """The port on the loopback if the variable is not set."""

    @property
    def mapping(self) -> str:
        """The entry of `ports` in a Compose file."""
        return f"127.0.0.1:${{{self.variable}:-{self.default}}}:{self.port}"


@dataclass(frozen=True, slots=True)
class Role:
    """What a host with this role runs, and the defaults of a service that has only this role."""

    name: str
    target: str | None = None
    """The target of compose/images/Dockerfile; None while hublab has no image for this role."""
    program: str | None = None
    """The program's folder in /etc/s6, where s6 supervises it."""
    first_address: int = 200
    """The last part of the address that the first such host gets by default."""
    aliases: tuple[str, ...] = ()
    """Further names of such a host in the lab's network, under which other hosts address it."""
    published: Published | None = None
    service: Mapping[str, Any] = field(default_factory=dict)
    """What its service in a Compose file needs besides image, address, volume and port."""
    ready: tuple[str, ...] = ()
    """A command that succeeds once the program answers. It runs in the host's network, and the hub
    waits for it."""
    scopes: tuple[str, ...] = ()
    """The scopes of settings that the software of such a host reads."""
    column: int = 3
    """The column in the picture of a topology, from the left."""
    fill: str = "#f3f3f3"
    """The colour in that picture."""
    required: bool = False
    """Whether every lab needs such a host."""
    only_one: str | None = None
    """Why a lab has at most one such host; None where it may have several."""


ROLES = (
    Role(
        "hub",
        target="hub",
        program="hub",
        first_address=10,
        scopes=("hub",),
        fill="#fbe9e7",
        required=True,
        only_one="one hub in a lab",
    ),
    Role(
        "proxy",
        target="proxy",
        program="proxy",
        first_address=20,
        aliases=("proxy", "hub.lab"),
        published=Published(8000, "HUBLAB_PROXY_PORT", 8000),
        scopes=("proxy",),
        column=2,
        fill="#fdf3e1",
        required=True,
        only_one="one proxy, whose routes the hub sets; a proxy in front of it is a reverse-proxy",
    ),
    Role(
        "node",
        target="node",
        program="sshd",
        first_address=31,
        scopes=("server", "sshd"),
        column=4,
        fill="#e9f5ea",
        required=True,
    ),
    Role(
        "client",
        target="client",
        program="sshd",
        first_address=5,
        published=Published(22, "HUBLAB_CLIENT_PORT", 8022),
        column=0,
        fill="#eef3fb",
        required=True,
    ),
    Role("bastion", target="bastion", program="sshd", first_address=15),
    Role(
        "browser",
        target="browser",
        program="playwright",
        first_address=6,
        published=Published(3000, "HUBLAB_BROWSER_PORT", 3000),
        # Chromium wants more shared memory than Docker's 64 MB for a page like JupyterLab.
        service={"shm_size": "512m"},
        column=0,
    ),
    Role(
        "database",
        target="database",
        program="postgres",
        first_address=40,
        # The hub exits if it cannot reach its database.
        ready=("/opt/hublab/ready",),
    ),
    Role(
        "identity-provider",
        target="identity-provider",
        program="provider",
        first_address=50,
        service={
            "environment": {
                "HUB_PORTS": "${HUBLAB_PROXY_PORT:-8000} ${HUBLAB_FRONT_PORT:-8080}",
                "OTHER_HUB_PORTS": "${HUBLAB_OTHER_HUB_PORT:-8100}",
            }
        },
        only_one="one identity provider in a lab",
    ),
    Role(
        "certificate-authority",
        target="certificate-authority",
        program="pebble",
        first_address=54,
    ),
    Role(
        "reverse-proxy",
        target="reverse-proxy",
        program="nginx",
        first_address=21,
        aliases=("www.hub.lab",),
        published=Published(80, "HUBLAB_FRONT_PORT", 8080),
        scopes=("nginx",),
        column=1,
    ),
    Role("dns", target="dns", program="dnsmasq", first_address=53),
    Role(
        "page",
        target="tools",
        first_address=7,
        service={
            "init": True,
            "user": "nobody",
            "command": ["python3", "-u", "-m", "http.server", "80", "--directory", "/srv"],
        },
    ),
    # A hub of its own with its own proxy, on one host. hublab looks after the other one.
    Role(
        "other-hub",
        target="onebox",
        program="hub",
        first_address=11,
        published=Published(8000, "HUBLAB_OTHER_HUB_PORT", 8100),
        only_one="one hub beside the lab's own",
    ),
    Role(
        "standalone",
        target="standalone",
        program="jupyter",
        first_address=60,
        scopes=("server",),
    ),
)
"""Every role, in the order in which hosts are listed."""
SHARED_IMAGES: dict[tuple[str, ...], str] = {("hub", "proxy"): "onebox"}
"""Roles that one host may have together, and the target of its image."""

BY_NAME = {role.name: role for role in ROLES}
NAMES = tuple(BY_NAME)
PUBLISHED = {role.published.variable: role for role in ROLES if role.published}
"""Variable of the Compose files -> the role whose published port it sets."""


def split_label(label: str) -> tuple[str, ...]:
    """The roles that a label names: `hub,proxy` names two."""
    return tuple(filter(None, (role.strip() for role in label.split(","))))


def roles_of(names: tuple[str, ...]) -> tuple[Role, ...]:
    """The rows of these roles; unknown names are left out."""
    return tuple(BY_NAME[name] for name in names if name in BY_NAME)


def image_target(names: tuple[str, ...]) -> str | None:
    """The target of the image for a host with exactly these roles; None if there is none."""
    if len(names) == 1 and names[0] in BY_NAME:
        return BY_NAME[names[0]].target
    return SHARED_IMAGES.get(names)


def supervised(names: tuple[str, ...]) -> Role | None:
    """The first role of the table among `names` whose program s6 supervises."""
    return next((role for role in ROLES if role.program and role.name in names), None)


def reading(scope: str) -> Role:
    """The role whose software defines what a scope of settings means."""
    return next(role for role in ROLES if scope in role.scopes)
