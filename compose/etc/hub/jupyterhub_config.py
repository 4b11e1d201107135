"""The hub of a lab: the base, the user's own file, then the settings of the case."""

import sys
from pathlib import Path

sys.path.insert(0, "/opt/hublab")
import advertised
import base_config
import own_hub_config
import state_log
import settings_file
from own_config import whole_list

ETC = Path("/etc/hublab")
HOME = Path.cwd()  # the user's file may go elsewhere
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

advertised.write(c, lab, HOME / "advertised.json")
