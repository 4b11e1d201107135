"""What a page of some origin gets: one request with its Origin and credentials, and the headers by
which a browser decides whether that page may read the answer.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from hublab.probes.credentials import Credentials, credentials
from hublab.probes.http import Answer, Ask, ask
from hublab.running.live import LiveLab

NO_CREDENTIALS, TOKEN, COOKIE, COOKIE_XSRF = "none", "token", "cookie", "cookie+xsrf"
CREDENTIALS = (NO_CREDENTIALS, TOKEN, COOKIE, COOKIE_XSRF)


@dataclass(frozen=True, slots=True)
class Asking:
    """One request as a browser or a script makes it; what is empty is not sent."""

    credential: str
    method: str = "GET"
    origin: str = ""
    mode: str = ""
    """Sec-Fetch-Mode, which browsers send to trustworthy addresses only (https, localhost)."""
    site: str = ""
    """Sec-Fetch-Site."""
    requested: str = ""
    """Access-Control-Request-Headers of a preflight."""

    def __str__(self) -> str:
        parts = [self.credential, self.method, self.origin and f"from {self.origin}"]
        parts += [self.mode, self.site, self.requested and f"for {self.requested}"]
        return " ".join(filter(None, parts))

    @property
    def preflight(self) -> bool:
        return self.method == "OPTIONS"

    @property
    def reads(self) -> bool:
        return self.method in ("GET", "HEAD", "OPTIONS")

    def headers(self) -> tuple[tuple[str, str], ...]:
        """What is sent beside the credentials."""
        wanted = {
            "Origin": self.origin,
            "Sec-Fetch-Mode": self.mode,
            "Sec-Fetch-Site": self.site,
            "Access-Control-Request-Method": "PUT" if self.preflight else "",
            "Access-Control-Request-Headers": self.requested,
            "Content-Type": "" if self.reads else "application/json",
        }
        return tuple((name, value) for name, value in wanted.items() if value)


@dataclass(frozen=True, slots=True)
class CorsAccess:
    """An answer as far as it decides who may read it. None: that header did not come."""

    status: int
    allow_origin: str | None = None
    allow_credentials: str | None = None

    def __str__(self) -> str:
        said = f", origin {self.allow_origin!r}" if self.allow_origin is not None else ""
        return f"{self.status}{said}{', with credentials' if self.allow_credentials else ''}"

    def readable_by(self, origin: str, *, with_cookies: bool = False) -> bool:
        """Whether a page of another origin gets to read it (Fetch standard, "CORS check")."""
        if self.allow_origin == "*":
            return not with_cookies
        return self.allow_origin == origin and (
            not with_cookies or self.allow_credentials == "true"
        )


def cors_access(answer: Answer) -> CorsAccess:
    """The deciding part of an answer; every status that is no refusal counts as 200.

    A header that came twice is one with both values (Fetch standard, "get"), which suits nobody.
    """

    def both(name: str) -> str | None:
        values = [value for key, value in answer.headers if key.lower() == name]
        return ", ".join(values) if values else None

    return CorsAccess(
        200 if answer.status < 400 else answer.status,
        both("access-control-allow-origin"),
        both("access-control-allow-credentials"),
    )


@dataclass(frozen=True, slots=True)
class Callers:
    """Nobody, and one user by token and by cookie. Use `callers`."""

    nobody: Credentials
    token: Credentials
    cookie: Credentials

    def of(self, credential: str) -> Credentials:
        return {NO_CREDENTIALS: self.nobody, TOKEN: self.token}.get(credential, self.cookie)


@contextlib.asynccontextmanager
async def callers(live: LiveLab, user: str, server: str | None = None) -> AsyncIterator[Callers]:
    """Sign a user in, with the page of a server open, and make a token of the same user."""
    await (await live.hub()).ensure_user(user)
    async with (
        credentials(live, None) as nobody,
        credentials(live, user, token=True) as token,
        credentials(live, user, server=server) as cookie,
    ):
        yield Callers(nobody, token, cookie)


async def call(
    live: LiveLab, who: Callers, target: str, asking: Asking, body: object = None
) -> Answer:
    """Send the request of a cell from the client host."""
    data = None if asking.reads else json.dumps(body).encode()
    wanted = Ask(
        target,
        method=asking.method,
        headers=asking.headers(),
        body=data,
        xsrf=asking.credential == COOKIE_XSRF,
    )
    return await ask(live, wanted, who.of(asking.credential))
