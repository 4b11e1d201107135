"""The proxy's REST API, asked from the client host exactly as it is typed.

`routes` has the table in words; this is for what the API does with a request, good or bad, and
for putting the table into a state that a scenario needs.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from yarl import URL

from hublab.errors import Undecided
from hublab.paths import ETC
from hublab.probes.credentials import Credentials
from hublab.probes.http import Answer, Ask, one
from hublab.running.live import LiveLab

OWN_TOKEN = "token OWN"
"""As an authorization: the lab's own token, which is put in on the way and told nobody."""


async def proxy_api(
    live: LiveLab,
    method: str,
    target: str,
    body: bytes | None = None,
    *,
    authorization: str | None = OWN_TOKEN,
    timeout: float = 10,
) -> Answer:
    """One request. Raises Undecided when no answer comes within `timeout` seconds."""
    headers: tuple[tuple[str, str], ...] = ()
    if authorization is not None:
        if "OWN" in authorization:
            authorization = authorization.replace("OWN", await own_token(live))
        headers = (("Authorization", authorization),)
    proxy = live.lab.one("proxy").service
    port = int(str(live.lab.settings().get("proxy.api-port", 8001)))
    here = URL.build(scheme="http", host=proxy, port=port)
    wanted = Ask(target, method, headers, body, timeout=timeout)
    return await one(
        live, here, target, method, body, wanted, Credentials(aiohttp.DummyCookieJar())
    )


async def own_token(live: LiveLab) -> str:
    """The token that hub and proxy share in this lab."""
    proxy = live.lab.one("proxy").service
    path = f"{ETC}/env/CONFIGPROXY_AUTH_TOKEN"
    return (await asyncio.to_thread(live.lab.output, proxy, "cat", path)).strip()


async def add_route(live: LiveLab, path: str, target: str, **data: Any) -> None:
    """Put a route into the table, as whoever knows the token may."""
    body = json.dumps({"target": target, **data}).encode()
    answer = await proxy_api(live, "POST", f"/api/routes{path}", body)
    if answer.status != 201:
        raise Undecided(f"the proxy answered {answer.status}", where=f"POST {path}")


async def drop_route(live: LiveLab, path: str) -> None:
    """Take a route out of the table behind the hub's back."""
    answer = await proxy_api(live, "DELETE", f"/api/routes{path}")
    if answer.status not in (204, 404):
        raise Undecided(f"the proxy answered {answer.status}", where=f"DELETE {path}")
