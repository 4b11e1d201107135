"""Which setting governs the address of a hop: where to look when the hop is broken."""

from __future__ import annotations

from yarl import URL

from hublab.addresses import LOOPBACK_NAMES
from hublab.probes.hops import DATABASE_URL, OWN_HUB_URLS, SSH_HOSTS, Hop, Kind
from hublab.probes.snapshot import Snapshot
from hublab.settings.values import Settings

HUB_ADDRESS = ("hub.JupyterHub.hub_connect_url", "hub.JupyterHub.hub_connect_ip")
HUB_ADDRESS_OF_SERVERS = (*OWN_HUB_URLS, *HUB_ADDRESS)
HUB_BIND = ("hub.JupyterHub.hub_bind_url", "hub.JupyterHub.hub_ip")
PROXY_BIND = ("proxy.port", "proxy.ip")
PROXY_API_BIND = ("proxy.api-port", "proxy.api-ip")
PROXY_API = ("hub.ConfigurableHTTPProxy.api_url",)
ROUTE_CHECKS = "hub.JupyterHub.last_activity_interval"
"""How often the hub checks its routes, though its name does not say so: jupyterhub/app.py,
`update_last_activity`. 300 s by default, never with 0."""
SSHD_BIND = ("sshd.port", "sshd.listenaddress")
"""In small letters, for sshd's keywords are of any."""
SERVICES = "hub.JupyterHub.services"
NGINX_LISTEN, NGINX_PASS = "nginx.listen", "nginx.proxy_pass"
NGINX_SITE = "nginx's site"
"""What governs an answer of nginx where no setting does."""
NGINX_ANSWERS = (
    *("return", "rewrite", "deny", "allow", "auth_basic", "auth_request"),
    *("limit_req", "limit_conn"),
)
"""Directives with which nginx answers a request itself (nginx's documentation, "Alphabetical index
of directives")."""
SERVER_BIND = ("hub.SSHSpawner.ip", "hub.Spawner.ip")


def governing_setting(snapshot: Snapshot, hop: Hop) -> str:
    """The setting, or the settings joined by `or`, that decide where this hop leads.

    Not of a route that the proxy lacks: see `hublab.diagnosis.missing_routes`.
    """
    settings = snapshot.settings
    match hop.kind:
        case Kind.PROXY:
            return bind_settings(PROXY_BIND, settings)
        case Kind.PROXY_API | Kind.NO_ROUTE:
            return first_set(PROXY_API, settings)
        case Kind.PROXY_TABLE:
            return bind_settings(PROXY_API_BIND, settings)
        case Kind.SSH:  # where the node's own sshd listens, if that is set
            return bind_settings(SSHD_BIND, settings, SSH_HOSTS)
        case Kind.JUMP:  # `sshd` settings are the nodes' alone: a bastion has none of them
            return SSH_HOSTS
        case Kind.HUB_ROUTE:
            return hub_address_setting(HUB_ADDRESS, snapshot, hop.url)
        case Kind.HUB_API | Kind.NEW_HUB_API:
            return hub_address_setting(HUB_ADDRESS_OF_SERVERS, snapshot, hop.url)
        case Kind.FRONT:
            return NGINX_LISTEN
        case Kind.UPSTREAM:
            return bind_settings(PROXY_BIND, settings, NGINX_PASS)
        case Kind.SERVICE_ROUTE:
            return SERVICES
        case Kind.DATABASE:
            return DATABASE_URL
        case Kind.SIGN_IN_PAGE | Kind.PROVIDER:
            trait = hop.target.rpartition(" ")[2]
            named = [key for key in snapshot.hub.provider if key.endswith(f".{trait}")]
            return " or ".join(f"hub.{key}" for key in named)
        case Kind.SERVER | Kind.SERVER_ROUTE:
            return first_set(SERVER_BIND, settings)


def first_set(keys: tuple[str, ...], settings: Settings) -> str:
    """Of the settings that decide an address, the one that is set; else the usual one."""
    return next((key for key in keys if key in settings), keys[-1])


def bind_settings(keys: tuple[str, ...], settings: Settings, usual: str = "") -> str:
    """Of the settings that decide together where something listens, those that are set.

    Else the usual one. The keys are in small letters, for sshd accepts any.
    """
    found = [key for known in keys for key in settings if key.lower() == known]
    return " or ".join(found) or usual or keys[-1]


def own_answer_settings(settings: Settings) -> str:
    """The settings, joined by `or`, with which nginx answers instead of passing requests on."""
    return " or ".join(f"nginx.{one}" for one in NGINX_ANSWERS if f"nginx.{one}" in settings)


def hub_address_setting(keys: tuple[str, ...], snapshot: Snapshot, url: str | None) -> str:
    """What the hub advertises as its address, or where it listens if that is to blame.

    A hub whose name is set to nothing (the lab's base has one) advertises where it listens.
    """
    settings = snapshot.settings
    if url is None:  # the hub does not listen, so nobody knows its address
        return first_set(HUB_BIND, settings)
    elsewhere = URL(url).host not in LOOPBACK_NAMES
    named = HUB_ADDRESS[-1] not in settings or any(settings.get(key) for key in keys)
    if snapshot.hub.listens_on_loopback_only and (elsewhere or not named):
        return first_set(HUB_BIND, settings)
    return first_set(keys, settings)
