"""The configuration of a hub without a proxy, for JupyterHub 2.3 to 6.1. All is in its folder.

A user's server is a program that answers every request, so that it does not matter which version
of JupyterHub made it.
"""

import json
import sys
from pathlib import Path
from typing import Any, ClassVar

from jupyterhub.proxy import Proxy  # type: ignore[import-untyped]

HERE = Path(__file__).parent
SERVER = """\
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

at = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
HTTPServer((at.hostname, at.port), Answer).serve_forever()
"""


class TableAlone(Proxy):  # type: ignore[misc]
    """A table of routes and nobody who serves them."""

    routes: ClassVar[dict[str, dict[str, Any]]] = {}

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec: str) -> None:
        self.routes.pop(routespec, None)

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        return dict(self.routes)


given = json.loads((HERE / "given.json").read_text())
c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.JupyterHub.db_url = f"sqlite:///{HERE}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{HERE}/cookie_secret"
c.JupyterHub.upgrade_db = given["upgrade_db"]
c.JupyterHub.hub_bind_url = c.JupyterHub.bind_url = f"http://0.0.0.0:{given['port']}"
c.JupyterHub.proxy_class = TableAlone
c.JupyterHub.cleanup_servers = False
c.JupyterHub.services = [{"name": "admin", "admin": True, "api_token": given["token"]}]
c.JupyterHub.authenticator_class = "jupyterhub.auth.DummyAuthenticator"
c.DummyAuthenticator.password = given["password"]
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
c.SimpleLocalProcessSpawner.home_dir_template = f"{HERE}/{{username}}"
c.Spawner.cmd = [sys.executable, "-c", SERVER]
