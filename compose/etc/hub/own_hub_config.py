"""The user's own jupyterhub_config.py on the hub of a lab, and the traits that the lab sets itself."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import own_config
from traitlets import TraitError
from traitlets.config import Config

PLACE = "hub, proxy and nodes have hosts of their own here"
PROXY = "the lab's proxy runs on its own host, with a token of its own"
PLAIN = "the lab's proxy uses plain http, and the certificate files are not on its host"
NODES = "the lab has its own nodes, with keys made for this lab"
STORED = "the lab keeps it in a place that is removed with the lab"
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
    **dict.fromkeys(("Spawner.cmd", "SSHSpawner.cmd"), "this is its path on the lab's nodes"),
    "JupyterHub.bind_url": f"{PLACE}; the path of this URL becomes base_url",
    "JupyterHub.spawner_class": BY_SSH,
    **dict.fromkeys(
        ("JupyterHub.db_url", "JupyterHub.cookie_secret_file", "JupyterHub.pid_file"), STORED
    ),
}
OURS = ("Spawner", "SSHSpawner")


def apply(c: Config, path: Path, lab: dict[str, Any]) -> list[own_config.Override]:
    """Merge the user's file, if there is one, into the base configuration `c`.

    Returns the ignored values. Raises own_config.Broken for a file that does not run.
    """
    if not path.exists():
        return []
    theirs = own_config.load(path)
    reason = why_no_sign_in(theirs.JupyterHub.get("authenticator_class", "pam"), lab)
    rules = dict(RULES)
    if reason:
        rules["JupyterHub.authenticator_class"] = reason
    if is_ssh_spawner(theirs.JupyterHub.get("spawner_class")):
        del rules["JupyterHub.spawner_class"]  # such as a subclass of the lab's spawner
    replaced = remove_other_spawners(theirs) + replaced_defaults(c, theirs, reason)
    keep_prefix(c, theirs)
    return [*own_config.merge(c, theirs, rules), *replaced]


def why_no_sign_in(authenticator: Any, lab: dict[str, Any]) -> str | None:
    """Why users cannot sign in with the user's authenticator in the lab; None if they can."""
    from jupyterhub.app import JupyterHub
    from jupyterhub.auth import LocalAuthenticator

    try:
        found = JupyterHub(
            config=Config({"JupyterHub": {"authenticator_class": authenticator}})
        ).authenticator_class
    except (TraitError, ImportError) as error:
        return f"it is not installed in the lab ({str(error).splitlines()[0][:120]})"
    if issubclass(found, LocalAuthenticator):
        return "accounts exist on the nodes only, not on the hub's host"
    if "OAuthenticator" in [base.__name__ for base in found.__mro__] and not lab.get("provider"):
        return "its identity provider is not a host of this lab"
    return None


def is_ssh_spawner(spawner: Any) -> bool:
    """Whether a spawner class is the lab's, or a subclass of it."""
    from jupyterhub.app import JupyterHub
    from jupyterhub_sshspawner import SSHSpawner

    try:
        found = JupyterHub(config=Config({"JupyterHub": {"spawner_class": spawner}})).spawner_class
    except (TraitError, ImportError):
        return False
    return issubclass(found, SSHSpawner)


def replaced_defaults(c: Config, theirs: Config, reason: str | None) -> list[own_config.Override]:
    """The defaults of JupyterHub that the lab replaces where the user's file does not set them."""
    replaced = []
    if "authenticator_class" not in theirs.JupyterHub:
        ours = c.JupyterHub.authenticator_class
        replaced.append(
            own_config.override("JupyterHub.authenticator_class", None, ours, str(reason))
        )
    if "spawner_class" not in theirs.JupyterHub:
        ours = c.JupyterHub.spawner_class
        replaced.append(own_config.override("JupyterHub.spawner_class", None, ours, BY_SSH))
    return replaced


def remove_other_spawners(theirs: Config) -> list[own_config.Override]:
    """Remove and return settings of spawners that the lab does not use."""
    names = [name for name in theirs if name.endswith("Spawner") and name not in OURS]
    return [
        own_config.override(f"{name}.{trait}", value, None, BY_SSH)
        for name in names
        for trait, value in theirs.pop(name).items()
    ]


def keep_prefix(c: Config, theirs: Config) -> None:
    """Keep the path of bind_url, which is the prefix of all URLs, as base_url."""
    path = urlsplit(str(theirs.JupyterHub.get("bind_url", ""))).path
    if path.strip("/") and "base_url" not in theirs.JupyterHub:
        c.JupyterHub.base_url = path
