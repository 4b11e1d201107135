"""An engineer's own jupyterhub_config.py on the hub of a lab: what of it the lab decides."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import own_config
from traitlets import TraitError
from traitlets.config import Config

PLACE = "hub, proxy and nodes have hosts of their own here"
PROXY = "the lab's proxy runs on its own host, with a token of its own"
PLAIN = "the lab's proxy speaks plain http; the files of certificates are not here"
NODES = "these are the lab's nodes, with keys that were made for this lab"
STORED = "the lab keeps it where its end removes it"
BY_SSH = "servers start on the lab's nodes by SSH"

RULES = {
    **dict.fromkeys(
        (
            "JupyterHub.ip",
            "JupyterHub.port",
            "JupyterHub.hub_ip",
            "JupyterHub.hub_port",
            "JupyterHub.hub_bind_url",
            "JupyterHub.hub_connect_ip",
            "JupyterHub.hub_connect_port",
            "JupyterHub.hub_connect_url",
            "Spawner.hub_connect_url",
            "SSHSpawner.hub_connect_url",
            "Spawner.ip",
            "SSHSpawner.ip",
        ),
        PLACE,
    ),
    **dict.fromkeys(
        (
            "JupyterHub.proxy_class",
            "JupyterHub.proxy_cmd",
            "JupyterHub.proxy_api_ip",
            "JupyterHub.proxy_api_port",
            "JupyterHub.proxy_auth_token",
            "Proxy.should_start",
            "ConfigurableHTTPProxy.should_start",
            "ConfigurableHTTPProxy.api_url",
            "ConfigurableHTTPProxy.auth_token",
            "ConfigurableHTTPProxy.command",
        ),
        PROXY,
    ),
    **dict.fromkeys(
        ("JupyterHub.ssl_key", "JupyterHub.ssl_cert", "JupyterHub.internal_ssl"), PLAIN
    ),
    **dict.fromkeys(
        (
            "SSHSpawner.hosts",
            "SSHSpawner.known_hosts",
            "SSHSpawner.ssh_client_keys",
            "SSHSpawner.ssh_client_certs",
            "SSHSpawner.ssh_username",
            "SSHSpawner.ssh_agent_path",
            "SSHSpawner.ssh_config_files",
            "SSHSpawner.host_ca_keys",
            "SSHSpawner.jump_hosts",
            "SSHSpawner.connect_address",
        ),
        NODES,
    ),
    **dict.fromkeys(("Spawner.cmd", "SSHSpawner.cmd"), "it stands there on the lab's nodes"),
    "JupyterHub.bind_url": f"{PLACE}; the path of this URL is kept, as base_url",
    "JupyterHub.spawner_class": BY_SSH,
    **dict.fromkeys(
        ("JupyterHub.db_url", "JupyterHub.cookie_secret_file", "JupyterHub.pid_file"), STORED
    ),
}
OURS = ("Spawner", "SSHSpawner")


def lay_over(c: Config, path: Path, lab: dict[str, Any]) -> list[own_config.Override]:
    """Bring their file, where there is one, into the base configuration `c`.

    Returns what of it does not hold. Raises own_config.Broken for a file that does not run.
    """
    if not path.exists():
        return []
    theirs = own_config.load(path)
    reason = why_not(theirs.JupyterHub.get("authenticator_class", "pam"), lab)
    rules = dict(RULES)
    if reason:
        rules["JupyterHub.authenticator_class"] = reason
    if by_ssh(theirs.JupyterHub.get("spawner_class")):
        del rules["JupyterHub.spawner_class"]  # a subclass of the lab's own, for instance
    told = unread_spawners(theirs)
    told += defaults_replaced(c, theirs, reason)
    keep_prefix(c, theirs)
    return [*own_config.lay_over(c, theirs, rules), *told]


def why_not(authenticator: Any, lab: dict[str, Any]) -> str | None:
    """Why nobody could sign in here by their authenticator; None: it works."""
    from jupyterhub.app import JupyterHub
    from jupyterhub.auth import LocalAuthenticator

    try:
        found = JupyterHub(
            config=Config({"JupyterHub": {"authenticator_class": authenticator}})
        ).authenticator_class
    except (TraitError, ImportError) as error:
        return f"it is not installed in the lab ({str(error).splitlines()[0][:120]})"
    if issubclass(found, LocalAuthenticator):
        return "accounts stand on the nodes, and not on the hub's host"
    if "OAuthenticator" in [base.__name__ for base in found.__mro__] and not lab.get("provider"):
        return "its identity provider is no host of this lab"
    return None


def by_ssh(spawner: Any) -> bool:
    """Whether it is the lab's spawner, or made from it."""
    from jupyterhub.app import JupyterHub
    from jupyterhub_sshspawner import SSHSpawner

    try:
        found = JupyterHub(config=Config({"JupyterHub": {"spawner_class": spawner}})).spawner_class
    except (TraitError, ImportError):
        return False
    return issubclass(found, SSHSpawner)


def defaults_replaced(c: Config, theirs: Config, reason: str | None) -> list[own_config.Override]:
    """What JupyterHub does where they say nothing, and the lab otherwise: who signs in, and how."""
    told = []
    if "authenticator_class" not in theirs.JupyterHub:
        ours = c.JupyterHub.authenticator_class
        told.append(
            own_config.override("JupyterHub.authenticator_class", None, ours, str(reason))
        )
    if "spawner_class" not in theirs.JupyterHub:
        ours = c.JupyterHub.spawner_class
        told.append(own_config.override("JupyterHub.spawner_class", None, ours, BY_SSH))
    return told


def unread_spawners(theirs: Config) -> list[own_config.Override]:
    """Settings of spawners that are not the lab's: taken out, and told."""
    names = [name for name in theirs if name.endswith("Spawner") and name not in OURS]
    return [
        own_config.override(f"{name}.{trait}", value, None, BY_SSH)
        for name in names
        for trait, value in theirs.pop(name).items()
    ]


def keep_prefix(c: Config, theirs: Config) -> None:
    """Of bind_url the path counts here too: the prefix under which everything stands."""
    path = urlsplit(str(theirs.JupyterHub.get("bind_url", ""))).path
    if path.strip("/") and "base_url" not in theirs.JupyterHub:
        c.JupyterHub.base_url = path
