"""Where the REST API of configurable-http-proxy is: its port and its table of routes."""

from __future__ import annotations

from hublab.settings.values import Settings

DEFAULT_PORT = 8001
"""Of the lab's proxy (compose/images/proxy/run), whose public port is 8000. The proxy's README,
"Command-line options": --api-port "defaults to --port=value+1".
"""
PORT_SETTING = "proxy.api-port"
ROUTES = "/api/routes"


def api_port(settings: Settings) -> str:
    """Where the API of a proxy with these settings listens, as it stands there."""
    return str(settings.get(PORT_SETTING, DEFAULT_PORT))


def routes_url(host: str, port: str) -> str:
    """The address of the table of routes."""
    return f"http://{host}:{port}{ROUTES}"
