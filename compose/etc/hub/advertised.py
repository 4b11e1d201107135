"""What a hub advertises and uses by its effective configuration, for `reach` and `routes`.

No secret is among it. The names are of probes/advertised.py, which reads the file.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from own_config import whole_list
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

ROUTES = ("Proxy", "ConfigurableHTTPProxy")
"""The classes with `extra_routes`, the one that counts last."""

PROVIDER = ("authorize_url", "token_url", "userdata_url")
"""The traits of an authenticator that are addresses of a provider; browsers go to the first one."""


def write(c: Config, lab: dict[str, Any], path: Path) -> None:
    """Write down what follows from the configuration of this process."""
    path.write_text(json.dumps(advertised(c, lab)))


def advertised(c: Config, lab: dict[str, Any]) -> dict[str, Any]:
    """The addresses and routes that the configuration comes to.

    Where the proxy's API is left to its default, that is jupyterhub/proxy.py, `_api_url_default`.
    """
    scheme = "https" if is_true(c.JupyterHub.get("internal_ssl")) else "http"
    return {
        "proxy_api_url": c.ConfigurableHTTPProxy.get("api_url", f"{scheme}://127.0.0.1:8001"),
        "bastions": {
            node["name"]: [hop.rpartition("@")[2] for hop in node["jump_hosts"]]
            for node in lab["nodes"]
            if isinstance(node, dict)
        },
        "reverse_tunnel": is_true(c.SSHSpawner.get("reverse_tunnel")),
        "routespec": routespec(c),
        "service_hosts": service_hosts(c),
        "extra_routes": extra_routes(c),
        "provider": provider(c),
    }


def is_true(value: Any) -> bool:
    """Whether a value is true, also as the text of a setting."""
    return str(value) in ("True", "true")


def routespec(c: Config) -> str | None:
    """The hub's own route, None for its base URL (jupyterhub/app.py, `_default_hub_routespec`)."""
    default = "/" if c.JupyterHub.get("subdomain_host") else None
    return str(c.JupyterHub.get("hub_routespec") or "") or default


def service_hosts(c: Config) -> dict[str, str]:
    """Service -> the host of its own that it has with subdomains (app.py, `service_from_orm`)."""
    from jupyterhub import utils

    given = str(c.JupyterHub.get("subdomain_host") or "")
    if not given:
        return {}
    domain = urlsplit(given if "://" in given else f"https://{given}").hostname
    hook = c.JupyterHub.get("subdomain_hook")
    if not callable(hook):
        hook = utils.subdomain_hook_legacy if hook == "legacy" else utils.subdomain_hook_idna
    names = [one["name"] for one in whole_list(c.JupyterHub.get("services", []))]
    return {name: hook(name, domain, kind="service") for name in names}


def provider(c: Config) -> dict[str, str]:
    """Setting -> the address of an identity provider that it gives (oauthenticator/oauth2.py)."""
    return {
        f"{name}.{trait}": str(section[trait])
        for name, section in c.items()
        if isinstance(section, Config)
        for trait in PROVIDER
        if section.get(trait)
    }


def extra_routes(c: Config) -> dict[str, str]:
    """Routes that the configuration asks for by themselves; a setting's text is JSON."""
    found: dict[str, str] = {}
    for name in ROUTES:
        value = c[name].get("extra_routes", found)
        if isinstance(value, LazyConfigValue):
            value = value.get_value(dict(found))
        if isinstance(value, str):
            value = json.loads(value) if value.startswith("{") else {}
        found = {spec: str(target) for spec, target in value.items()}
    return found
