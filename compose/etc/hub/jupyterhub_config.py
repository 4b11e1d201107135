"""The hub of a lab: alone on its host, its proxy and its nodes elsewhere.

Every case starts from this file; the settings of a case are laid over it at the end.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, "/opt/hublab")
import settings_file

ETC = Path("/etc/hublab")
lab = json.loads((ETC / "lab.json").read_text())
c = get_config()  # noqa: F821

# The hub listens on all addresses and calls itself by the name that every host resolves.
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "hub"
c.JupyterHub.cookie_secret_file = str(ETC / "cookie_secret")
c.JupyterHub.db_url = "sqlite:////srv/jupyterhub/jupyterhub.sqlite"

# The proxy runs on its own host; its token stands in CONFIGPROXY_AUTH_TOKEN.
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://proxy:8001"

# Everybody signs in with the password that was made for this lab.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = (ETC / "password").read_text()
c.SharedPasswordAuthenticator.admin_password = (ETC / "admin_password").read_text()
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"admin"}

# Notebooks start on the nodes, over SSH, as the user.
c.JupyterHub.spawner_class = "ssh"
c.JupyterHub.allow_named_servers = True
c.SSHSpawner.hosts = lab["nodes"]
c.SSHSpawner.host_policy = "user-choice"
c.SSHSpawner.known_hosts = str(ETC / "known_hosts")
c.SSHSpawner.ssh_client_keys = [str(ETC / "id_ed25519")]
c.Spawner.cmd = ["/opt/jupyter/bin/jupyterhub-singleuser"]

settings_file.apply(c)

# hublab's own way in, kept whatever a case says of services.
services = list(c.JupyterHub.get("services", []))
c.JupyterHub.services = [
    *services,
    {"name": "hublab", "api_token": (ETC / "api_token").read_text()},
]
roles = list(c.JupyterHub.get("load_roles", []))
c.JupyterHub.load_roles = [
    *roles,
    {
        "name": "hublab",
        "services": ["hublab"],
        "scopes": [
            "admin:users",
            "admin:servers",
            "admin:server_state",
            "access:servers",
            "list:users",
            "read:hub",
            "proxy",
            "tokens",
        ],
    },
]

# What this process was told, for `hublab reach`: no secret is among it.
(Path.cwd() / "told.json").write_text(
    json.dumps({"proxy_api_url": str(c.ConfigurableHTTPProxy.api_url)})
)
