"""The hub's REST API, asked from the client host as the lab's own service.

It goes to the hub directly and not through the proxy, so that a lab whose proxy is broken on
purpose can still be asked. Paths and answers: JupyterHub's REST API documentation.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from hublab.errors import HubError, LabError, UsageError, in_words
from hublab.running.channel import Channel
from hublab.running.hub_log import hub_run
from hublab.running.lab import Lab


class Hub:
    """Asks the hub. Every method raises HubError with the hub's own words when it refuses."""

    def __init__(self, channel: Channel, lab: Lab, token: str, api_url: str) -> None:
        address = lab.one("hub").address
        url = URL(api_url)
        if url.host in ("0.0.0.0", "::", "", None):
            url = url.with_host(address or lab.one("hub").service)
        # What the hub says of itself follows its connect URL; it speaks TLS with internal_ssl
        # alone, and then not with us, who have no certificate of its authority.
        port = url.port
        self.url = url.with_scheme("http").with_port(port) / "api"
        self._session = channel.session(headers={"Authorization": f"token {token}"})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._session.close()

    async def request(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """One request below /hub/api/; returns the status and the decoded JSON, None if empty.

        What is %-escaped in the path stays so, as in those of `user_path` and `server_path`.
        """
        url = self._below(path)
        try:
            async with self._session.request(method, url, **options) as answer:
                text = await answer.text()
                return answer.status, decode(text)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise HubError(
                f"the hub's API does not answer: {in_words(error)}",
                where=f"{method} {url}, from the client host",
                hint="`hublab reach` says which hop is broken",
            ) from error

    def _below(self, path: str) -> URL:
        return self.url.joinpath(quote(path, safe="/%"), encoded=True)

    async def get(self, path: str, *allowed: int) -> Any:
        """The JSON at a path; 200, or one of the allowed statuses for which None is returned."""
        status, body = await self.request("GET", path)
        if status in allowed:
            return None
        if status != 200:
            raise refused("GET", path, status, body)
        return body

    async def users(self) -> list[dict[str, Any]]:
        return list(await self.get("users"))

    async def user(self, name: str) -> dict[str, Any] | None:
        model: dict[str, Any] | None = await self.get(user_path(name), 404)
        return model

    async def server(self, user: str, name: str = "") -> dict[str, Any] | None:
        """The model of one server, None while the hub knows of none."""
        servers: dict[str, dict[str, Any]] = (await self.user(user) or {}).get("servers", {})
        return servers.get(name)

    async def authenticator(self) -> str:
        """The class that decides who signs in, with its module."""
        return str((await self.get("info"))["authenticator"]["class"])

    async def routes(self) -> dict[str, Any]:
        """The proxy's table as the hub fetches it now."""
        return dict(await self.get("proxy"))

    async def check_routes(self) -> None:
        """Have the hub compare the proxy's table with the routes that it expects, and repair it."""
        status, body = await self.request("POST", "proxy")
        if status != 200:
            raise refused("POST", "proxy", status, body)

    async def ensure_user(self, name: str) -> None:
        """Have the hub know a user, as a first sign-in would."""
        path = user_path(name)
        status, body = await self.request("POST", path)
        if status not in (201, 409):
            raise refused("POST", path, status, body)

    async def known_user(self, name: str) -> dict[str, Any]:
        """The model of a user. Raises UsageError, naming those that there are."""
        if (model := await self.user(name)) is not None:
            return model
        known = ", ".join(str(one["name"]) for one in await self.users())
        raise UsageError(
            f"the hub knows no user {name}",
            hint=f"one of {known}" if known else "`hublab spawn USER` makes one",
        )

    async def make_token(self, user: str, seconds: int) -> dict[str, Any]:
        """A new API token of a user, which ends by itself after some seconds."""
        await self.known_user(user)
        path = f"{user_path(user)}/tokens"
        wanted = {"note": "hublab", "expires_in": seconds}
        status, body = await self.request("POST", path, json=wanted)
        if status != 201:
            raise refused("POST", path, status, body)
        return dict(body)

    async def drop_token(self, user: str, token_id: str) -> None:
        """Take a token back; one that is gone is no error."""
        path = f"{user_path(user)}/tokens/{token_id}"
        status, body = await self.request("DELETE", path)
        if status not in (204, 404):
            raise refused("DELETE", path, status, body)

    async def start_server(self, user: str, name: str, options: dict[str, Any]) -> int:
        """Ask for a server; 201 when it is up already, 202 when it is under way."""
        path = server_path(user, name)
        status, body = await self.request("POST", path, json=options)
        if status not in (201, 202):
            raise refused("POST", path, status, body)
        return status

    async def stop_server(self, user: str, name: str) -> int:
        """Ask for a server's end; 204 when it is gone, 202 when that is under way."""
        path = server_path(user, name)
        status, body = await self.request("DELETE", path)
        if status not in (204, 202):
            raise refused("DELETE", path, status, body)
        return status

    async def progress(self, user: str, name: str) -> AsyncIterator[dict[str, Any]]:
        """The progress events of a pending spawn, as the user's page gets them."""
        path = f"{server_path(user, name)}/progress"
        try:
            # A spawn takes as long as it takes; the caller has a limit of its own.
            unlimited = aiohttp.ClientTimeout(total=None, sock_connect=15)
            async with self._session.get(self._below(path), timeout=unlimited) as answer:
                if answer.status != 200:
                    raise refused("GET", path, answer.status, decode(await answer.text()))
                async for line in answer.content:
                    field, _, value = line.decode().partition(":")
                    if field == "data":
                        yield json.loads(value)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise HubError(f"the progress stream broke: {error}", where=path) from error


def user_path(user: str) -> str:
    """A user's path below /hub/api/. Raises UsageError for a name that no path can hold."""
    return f"users/{segment(user, 'a user')}"


def server_path(user: str, name: str = "") -> str:
    """The path of a user's server, the default one's without a name. Raises UsageError."""
    if not name:
        return f"{user_path(user)}/server"
    return f"{user_path(user)}/servers/{segment(name, 'a server')}"


def segment(name: str, of: str) -> str:
    """A name as one part of a path, whatever it holds: `alice/server` is nobody's server."""
    if name in ("", ".", ".."):
        raise UsageError(f"{name!r} cannot be the name of {of}", hint="a name, as alice")
    return quote(name, safe="", errors="surrogatepass")


def decode(text: str) -> Any:
    """JSON where it is JSON, else the text."""
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def refused(method: str, path: str, status: int, body: Any) -> HubError:
    """The hub's refusal in its own words."""
    words = body.get("message") if isinstance(body, dict) else body
    message = f"the hub answered {status}: {words or 'no message'}"
    return HubError(message, where=f"{method} {path}", status=status)


async def open_hub(channel: Channel, lab: Lab) -> Hub:
    """The hub of a running lab. Raises LabError with its last words when it does not listen."""
    run = await asyncio.to_thread(hub_run, lab)
    if run.api_url and not URL(run.api_url).absolute:
        # What a connect URL without a scheme makes of its own address.
        raise LabError(
            f"the hub calls its own address {run.api_url}, which is none",
            where=lab.one("hub").service,
            hint="JupyterHub.hub_connect_url and hub_bind_url are http://HOST:PORT",
        )
    if run.api_url is None:
        raise LabError(
            "the hub does not listen; its log ends with\n    "
            + "\n    ".join(run.log.strip().splitlines()[-12:]),
            where=lab.one("hub").service,
        )
    return Hub(channel, lab, await asyncio.to_thread(lab.secret, "api_token"), run.api_url)
