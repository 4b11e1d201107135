"""The base configuration of a lab's hub, from which every case starts.

`init` describes the lab in lab.json; each secret is a file next to it.
"""

import json
import os
from pathlib import Path
from typing import Any

from traitlets.config import Config

CHP = "/opt/chp/node_modules/.bin/configurable-http-proxy"


def apply(c: Config, etc: Path) -> dict[str, Any]:
    """Apply the base configuration to `c`; return the content of lab.json."""
    lab: dict[str, Any] = json.loads((etc / "lab.json").read_text())
    set_hub(c, etc, lab)
    set_proxy(c, etc, lab)
    set_sign_in(c, etc)
    if lab.get("provider"):
        set_provider(c, etc, lab["provider"], lab.get("client_id", "jupyterhub"))
    set_spawner(c, etc, lab)
    return lab


def set_hub(c: Config, etc: Path, lab: dict[str, Any]) -> None:
    """The hub listens on all addresses and advertises a name that every host can resolve."""
    c.JupyterHub.hub_ip = "0.0.0.0"
    c.JupyterHub.hub_connect_ip = lab["hub"]
    c.JupyterHub.cookie_secret_file = str(etc / "cookie_secret")
    # The database of a lab that has a database host.
    own = etc / "db_url"
    c.JupyterHub.db_url = (
        own.read_text() if own.exists() else "sqlite:////srv/jupyterhub/jupyterhub.sqlite"
    )


def set_proxy(c: Config, etc: Path, lab: dict[str, Any]) -> None:
    """The proxy on its own host, or started by the hub. Its token is CONFIGPROXY_AUTH_TOKEN."""
    if lab["proxy"] != lab["hub"]:
        c.ConfigurableHTTPProxy.should_start = False
        c.ConfigurableHTTPProxy.api_url = f"http://{lab['proxy']}:8001"
        return
    options = etc / "proxy.args"
    c.JupyterHub.bind_url = "http://0.0.0.0:8000"
    c.ConfigurableHTTPProxy.should_start = True
    c.ConfigurableHTTPProxy.command = [
        CHP,
        *(options.read_text().splitlines() if options.exists() else []),
    ]


def set_sign_in(c: Config, etc: Path) -> None:
    """All users sign in with the random password of this lab."""
    if has_accounts():
        c.JupyterHub.authenticator_class = "pam"
    else:
        c.JupyterHub.authenticator_class = "shared-password"
        c.SharedPasswordAuthenticator.user_password = (etc / "password").read_text()
        c.SharedPasswordAuthenticator.admin_password = (etc / "admin_password").read_text()
    c.Authenticator.allow_all = True
    c.Authenticator.admin_users = {"admin"}


def has_accounts() -> bool:
    """Whether the users have accounts on the hub's host, and the hub is root to ask PAM for them.

    compose/images/pam-hub/run makes them.
    """
    return os.environ.get("HUBLAB_HUB_UID") == "0"


def set_provider(c: Config, etc: Path, name: str, client_id: str) -> None:
    """All users sign in at the identity provider, which is the host of this name.

    Browsers get the provider's address, as this machine knows the names of no hosts of the lab. The
    hub keeps the provider's tokens only with `enable_auth_state`.
    """
    url = f"http://{name}:9000"
    c.JupyterHub.authenticator_class = "generic-oauth"
    c.GenericOAuthenticator.client_id = client_id
    c.GenericOAuthenticator.client_secret = (etc / "oauth_client_secret").read_text()
    c.GenericOAuthenticator.authorize_url = f"{os.environ.get('HUBLAB_PROVIDER', url)}/auth"
    c.GenericOAuthenticator.token_url = f"{url}/token"
    c.GenericOAuthenticator.userdata_url = f"{url}/me"
    c.GenericOAuthenticator.scope = ["openid", "profile"]
    c.GenericOAuthenticator.username_claim = "preferred_username"


def set_spawner(c: Config, etc: Path, lab: dict[str, Any]) -> None:
    """Notebooks start on the nodes, over SSH, as the user."""
    c.JupyterHub.spawner_class = "ssh"
    c.JupyterHub.allow_named_servers = True
    c.SSHSpawner.hosts = lab["nodes"]
    c.SSHSpawner.host_policy = "user-choice"
    c.SSHSpawner.known_hosts = str(etc / "known_hosts")
    c.SSHSpawner.ssh_client_keys = [str(etc / "id_ed25519")]
    if not (etc / "cold").exists():
        c.SSHSpawner.warm_start = "node"
    c.Spawner.cmd = ["/opt/jupyter/bin/jupyterhub-singleuser"]
    if any(isinstance(node, dict) for node in lab["nodes"]):
        # Nodes behind a bastion reach neither hub nor proxy, so all traffic is tunnelled by the hub.
        c.SSHSpawner.transport = "tunnel"
        c.SSHSpawner.reverse_tunnel = True
        c.SSHSpawner.tunnel_bind_ip = "0.0.0.0"
        c.SSHSpawner.tunnel_connect_ip = lab["hub"]
