"""What the proxy's REST API answers to one request, asked from the client host as it is typed.

`routes` has the table in words; this is for what the API does with a request, good or bad.
"""

from __future__ import annotations

import asyncio

import aiohttp

from hublab.probes.credentials import Credentials
from hublab.probes.http import observing_request
from hublab.running.live import LiveLab
from hublab.running.proxy_api import proxy_api_of
from hublab.running.raw_http import Answer, Ask

OWN_TOKEN = "token OWN"
"""As an authorization: the lab's own token takes the place of OWN on the way."""


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
    api = await proxy_api_of(live)
    headers: tuple[tuple[str, str], ...] = ()
    if authorization is not None:
        if "OWN" in authorization:
            authorization = authorization.replace("OWN", await asyncio.to_thread(api.token))
        headers = (("Authorization", authorization),)
    wanted = Ask(target, method, headers, body, timeout=timeout)
    nobody = Credentials(aiohttp.DummyCookieJar())
    with observing_request(live, api.address, wanted, nobody, "proxy_api") as saw:
        answer = await api.request(live, wanted)
        saw(answer)
        return answer
