"""A person at the client host: signs in through the proxy as a browser does.

What a browser sends by itself (cookies, the XSRF token of a page, Sec-Fetch-Mode) is sent
here too, for JupyterHub treats a request without it differently (jupyterhub/_xsrf_utils.py).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from hublab.errors import HubError, in_words
from hublab.running.channel import Channel
from hublab.running.kernel import Kernel
from hublab.running.provider_form import FORM, sign_in_at_provider

NAVIGATE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}
SAME_ORIGIN = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


@contextlib.asynccontextmanager
async def answering(url: URL) -> AsyncIterator[None]:
    """Raise HubError when nothing answers: the proxy may have no way to a server."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as error:
        raise HubError(
            f"no answer: {in_words(error)}",
            where=f"{url}, through the proxy",
            hint="`hublab reach` says which hop is broken",
        ) from error


class Visitor:
    """One signed-in user. Use `sign_in`."""

    def __init__(self, session: aiohttp.ClientSession, origin: URL, base: str, user: str) -> None:
        self.session = session
        self.origin = origin
        """Scheme, host and port of the proxy, as seen from the client host."""
        self.base = base
        """The path under which everything stands, `/` or `/base/`."""
        self.user = user

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.session.close()

    def server_url(self, server: str = "") -> URL:
        """Where one of the user's servers stands, with its trailing slash."""
        return self.origin.with_path(
            f"{self.base}user/{self.user}/{server + '/' if server else ''}"
        )

    async def open_server(self, server: str = "") -> None:
        """Open the server's page as a browser would: the OAuth dance leaves its cookies here.

        Raises HubError when the chain of redirects does not end at the server.
        """
        url = self.server_url(server)
        async with answering(url), self.session.get(url, headers=NAVIGATE) as answer:
            if answer.status >= 400 or not answer.url.path.startswith(url.path):
                raise HubError(
                    f"{self.user}'s server did not open: {answer.status}",
                    where=" -> ".join(str(step.url) for step in (*answer.history, answer)),
                    hint=f"`hublab spawn {self.user}` first" if answer.status == 424 else None,
                )

    def xsrf(self, url: URL) -> dict[str, str]:
        """The header in which a page sends back its XSRF cookie."""
        cookie = self.session.cookie_jar.filter_cookies(url).get("_xsrf")
        return {**SAME_ORIGIN, "X-XSRFToken": cookie.value} if cookie else dict(SAME_ORIGIN)

    async def api(self, method: str, path: str, server: str = "", **options: Any) -> Any:
        """One call of the server's REST API with the page's credentials; raises HubError."""
        url = self.server_url(server) / "api" / path
        async with (
            answering(url),
            self.session.request(method, url, headers=self.xsrf(url), **options) as answer,
        ):
            text = await answer.text()
            if answer.status >= 400:
                raise HubError(
                    f"the server answered {answer.status}: {text[:500]}", where=f"{method} {url}"
                )
            return json.loads(text) if text else None

    @contextlib.asynccontextmanager
    async def kernel(self, server: str = "") -> AsyncIterator[Kernel]:
        """A fresh kernel on the user's server, ended when the block ends."""
        model = await self.api("POST", "kernels", server, json={})
        try:
            async with self.connect(model["id"], server) as kernel:
                yield kernel
        finally:
            with contextlib.suppress(HubError, aiohttp.ClientError, TimeoutError):
                await self.api("DELETE", f"kernels/{model['id']}", server)

    @contextlib.asynccontextmanager
    async def connect(self, kernel_id: str, server: str = "") -> AsyncIterator[Kernel]:
        """The WebSocket of a kernel that runs, through the proxy, as a page opens it."""
        url = self.server_url(server) / "api" / "kernels" / kernel_id / "channels"
        headers = {"Sec-Fetch-Mode": "websocket", "Origin": str(self.origin)}
        try:
            async with self.session.ws_connect(url, headers=headers, max_msg_size=0) as socket:
                yield Kernel(socket, kernel_id)
        except aiohttp.WSServerHandshakeError as error:
            raise HubError(
                f"the WebSocket was refused: {error.status} {error.message}", where=str(url)
            ) from error


async def sign_in(
    channel: Channel, origin: str, user: str, password: str, base: str = "/"
) -> Visitor:
    """Sign in by the hub's form, or by its identity provider's, from the client host.

    `origin` is the proxy as the client host names it. Raises HubError when the hub refuses.
    """
    # A browser keeps cookies of an address as well as those of a name.
    session = channel.session(cookie_jar=aiohttp.CookieJar(unsafe=True))
    visitor = Visitor(session, URL(origin), base, user)
    login = visitor.origin.with_path(f"{base}hub/login")
    try:
        async with session.get(login, headers=NAVIGATE) as page:
            if page.status == 200 and FORM not in await page.read():
                hub = visitor.origin.with_path(f"{base}hub/")
                await sign_in_at_provider(session, hub, user, password, NAVIGATE)
                return visitor
        cookie = session.cookie_jar.filter_cookies(login).get("_xsrf")
        form = {"username": user, "password": password, "_xsrf": cookie.value if cookie else ""}
        async with session.post(
            login, data=form, headers=NAVIGATE, allow_redirects=False
        ) as answer:
            if answer.status != 302:
                message = f"{user} could not sign in: {answer.status}"
                raise HubError(message, where=f"POST {login}", status=answer.status)
    except (aiohttp.ClientError, TimeoutError) as error:
        await session.close()
        raise HubError(f"the proxy did not answer: {in_words(error)}", where=str(login)) from error
    except BaseException:
        await session.close()
        raise
    return visitor
