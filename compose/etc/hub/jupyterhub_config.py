"""The hub of a lab: the base, the user's own file, then the settings of the case."""

import json
import sys
from pathlib import Path

sys.path.insert(0, "/opt/hublab")
import base_config
import own_hub_config
import state_log
import settings_file
from own_config import whole_list

ETC = Path("/etc/hublab")
c = get_config()  # noqa: F821

lab = base_config.apply(c, ETC)
own_hub_config.apply(c, own_hub_config.place(ETC), lab)
settings_file.apply(c)
state_log.apply(c)

# hublab's own access, which is added whatever services and roles a case sets.
services = whole_list(c.JupyterHub.get("services", []))
c.JupyterHub.services = [
    *services,
    {"name": "hublab", "api_token": (ETC / "api_token").read_text()},
]
roles = whole_list(c.JupyterHub.get("load_roles", []))
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

# The addresses that this process advertises and uses, for `hublab reach`; no secret is among them.
# Where the proxy's API is left to its default, that is jupyterhub/proxy.py, `_api_url_default`.
scheme = "https" if str(c.JupyterHub.get("internal_ssl", False)) in ("True", "true") else "http"
(Path.cwd() / "advertised.json").write_text(
    json.dumps(
        {
            "proxy_api_url": c.ConfigurableHTTPProxy.get("api_url", f"{scheme}://127.0.0.1:8001"),
            "bastions": {
                node["name"]: [hop.rpartition("@")[2] for hop in node["jump_hosts"]]
                for node in lab["nodes"]
                if isinstance(node, dict)
            },
            "reverse_tunnel": str(c.SSHSpawner.get("reverse_tunnel", False)) in ("True", "true"),
        }
    )
)
