"""The one client of configurable-http-proxy's REST API: address, token, and its table of routes.

Source of paths, token and answers: configurable-http-proxy's README, "Using the REST API".
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from yarl import URL

from hublab.errors import Undecided
from hublab.paths import ETC
from hublab.running.lab import PROXY_TOKEN, Lab
from hublab.running.live import LiveLab
from hublab.running.proxy_address import ROUTES, api_port, routes_url
from hublab.running.raw_http import Answer, Ask, send
from hublab.running.sidecar_http import get_from_inside


@dataclass(frozen=True, slots=True)
class ProxyAPI:
    """The API of one lab's proxy. Use `proxy_api_of`."""

    lab: Lab
    host: str
    port: str

    @property
    def address(self) -> URL:
        """Where the other hosts of the lab find it."""
        return URL(f"http://{self.host}:{self.port}")

    @property
    def routes(self) -> str:
        """Where the other hosts find the table of routes."""
        return routes_url(self.host, self.port)

    def token(self) -> str:
        """The token that hub and proxy share, blocking. Raises LabError where there is none."""
        return self.lab.output(self.host, "cat", f"{ETC}/{PROXY_TOKEN}").strip()

    def headers(self) -> dict[str, str]:
        """What shows the proxy this token, blocking. Raises LabError where there is none."""
        return {"Authorization": f"token {self.token()}"}

    def table(self) -> dict[str, dict[str, Any]]:
        """Path to route, asked on the proxy's own host, blocking.

        So it works where hub or client are cut off from the proxy. Raises Undecided when the API
        does not answer.
        """
        url = routes_url("127.0.0.1", self.port)
        try:
            text = get_from_inside(self.lab, self.host, url, self.token())
        except Undecided as error:
            raise Undecided(
                f"the proxy's API did not answer: {error.message}", where=self.host
            ) from error
        return dict(json.loads(text))

    async def request(self, live: LiveLab, wanted: Ask) -> Answer:
        """Send one request from the client host as it is typed; no token is added.

        Raises Undecided when no answer comes.
        """
        return await asyncio.to_thread(send, live.channel.socks_url, self.address, wanted, {})


async def proxy_api_of(live: LiveLab) -> ProxyAPI:
    """The API of the lab's proxy, as its settings are now."""
    settings = await asyncio.to_thread(live.lab.settings)
    return ProxyAPI(live.lab, live.lab.one("proxy").service, api_port(settings))


async def add_route(live: LiveLab, path: str, target: str, **data: Any) -> None:
    """Put a route into the proxy's table, as everybody with the token may.

    `data` stands beside the target. Raises Undecided when the proxy does not accept it.
    """
    body = json.dumps({"target": target, **data}).encode()
    await _change(live, "POST", path, body, expected=(201,))


async def drop_route(live: LiveLab, path: str) -> None:
    """Take a route out of the proxy's table without the hub's knowledge; none there is no error.

    Raises Undecided when the proxy refuses.
    """
    await _change(live, "DELETE", path, None, expected=(204, 404))


async def _change(
    live: LiveLab, method: str, path: str, body: bytes | None, *, expected: tuple[int, ...]
) -> None:
    api = await proxy_api_of(live)
    headers = await asyncio.to_thread(api.headers)
    wanted = Ask(f"{ROUTES}{path}", method, tuple(headers.items()), body, timeout=10)
    answer = await api.request(live, wanted)
    if answer.status not in expected:
        raise Undecided(f"the proxy answered {answer.status}", where=f"{method} {path}")
