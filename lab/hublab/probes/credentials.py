"""Who asks: nobody, a user who signed in as a browser does, or one with an API token.

A token is made for the occasion and deleted afterwards.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp.abc import AbstractCookieJar
from yarl import URL

from hublab.errors import HublabError
from hublab.running.live import LiveLab

TOKEN_LIFE = 600
"""Seconds, for the case that nobody is left to delete a token."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request carries to say who asks. Use `credentials`."""

    jar: AbstractCookieJar
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None

    def cookie_header(self, url: URL) -> dict[str, str]:
        """The cookies that a browser would send to this address, as one header."""
        cookies = self.jar.filter_cookies(url)
        text = "; ".join(f"{morsel.key}={morsel.coded_value}" for morsel in cookies.values())
        return {"Cookie": text} if text else {}

    def same_site(self, url: URL) -> dict[str, str | None]:
        """The SameSite of each cookie for this address; None where it says nothing of it."""
        sent = self.jar.filter_cookies(url)
        return {
            morsel.key: morsel["samesite"] or None
            for morsel in self.jar
            if morsel.key in sent and morsel.value == sent[morsel.key].value
        }

    def xsrf_header(self, url: URL) -> dict[str, str]:
        """The header in which a page of JupyterHub sends its XSRF cookie back."""
        cookie = self.jar.filter_cookies(url).get("_xsrf")
        return {"X-XSRFToken": cookie.value} if cookie else {}

    def secrets(self) -> set[str]:
        """What must not be printed."""
        values = {morsel.value for morsel in self.jar}
        return values | ({self.token} if self.token else set())


@contextlib.asynccontextmanager
async def credentials(
    live: LiveLab, user: str | None, *, token: bool = False, server: str | None = None
) -> AsyncIterator[Credentials]:
    """Become `user`, or nobody. With `token` by an API token, else by the hub's sign-in form.

    With `server` (a name, "" the default one) a user who signed in also opens that server's
    page first, so that its own cookies are there. Raises HublabError when that is refused.
    """
    if user is None:
        yield Credentials(aiohttp.CookieJar())
    elif token:
        hub = await live.hub()
        made = await hub.make_token(user, TOKEN_LIFE)
        live.hide(str(made["token"]))
        try:
            headers = {"Authorization": f"token {made['token']}"}
            yield Credentials(aiohttp.CookieJar(), headers, made["token"])
        finally:
            # Without a hub it cannot be deleted; it ends by itself. Looked up again, for the hub
            # may have been restarted meanwhile.
            with contextlib.suppress(HublabError):
                await (await live.hub()).drop_token(user, made["id"])
    else:
        async with await live.sign_in(user) as visitor:
            if server is not None:
                await visitor.open_server(server)
            yield Credentials(visitor.session.cookie_jar)
