"""The cookies that hub and server set on the way from the sign-in form into a server's page.

Each is read as it was sent. They go back to where they came from even when they are `Secure` and
the lab speaks http: what stands in front of a real hub would end TLS there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

import aiohttp

from hublab.errors import HubError
from hublab.probes.credentials import Credentials
from hublab.probes.http import REDIRECTS, Answer, Ask, ask
from hublab.probes.observation import observed
from hublab.running.live import LiveLab
from hublab.running.sign_in import password_of

MOST_STEPS = 12


@dataclass(frozen=True, slots=True)
class SetCookie:
    """One Set-Cookie header, without its value."""

    name: str
    path: str
    """Of the request that was answered with it."""
    scope: str
    """The path that it is for."""
    domain: str
    secure: bool
    http_only: bool
    same_site: str


def set_cookies(answer: Answer) -> list[SetCookie]:
    """The cookies that an answer sets; those that it takes back are left out."""
    found = []
    for name, value in answer.headers:
        if name.lower() == "set-cookie":
            for key, morsel in SimpleCookie(value).items():
                if morsel.value:
                    found.append(
                        SetCookie(
                            key,
                            urlsplit(answer.url).path,
                            morsel["path"],
                            morsel["domain"],
                            bool(morsel["secure"]),
                            bool(morsel["httponly"]),
                            morsel["samesite"],
                        )
                    )
    return found


def fresh_browser(live: LiveLab) -> Credentials:
    """Nobody yet, with a jar that gives `Secure` cookies back to the lab's own address.

    As a browser it also keeps cookies of hosts that are asked by their IP address.
    """
    return Credentials(aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=live.origin.origin()))


@observed("sign_in_cookies")
async def sign_in_cookies(
    live: LiveLab,
    user: str,
    headers: Sequence[tuple[str, str]] = (),
    who: Credentials | None = None,
) -> list[SetCookie]:
    """Sign in by the form and open the user's server, every request with these headers.

    Raises HubError when that does not lead into the server.
    """
    who = who or fresh_browser(live)
    form = Ask("/hub/login", headers=tuple(headers))
    found = set_cookies(await ask(live, form, who))
    xsrf = who.xsrf_header(live.origin / "hub/login").get("X-XSRFToken", "")
    fields = {"username": user, "password": password_of(live.lab), "_xsrf": xsrf}
    sent = (*headers, ("Content-Type", "application/x-www-form-urlencoded"))
    body = urlencode(fields).encode()
    answer = await ask(live, Ask("/hub/login", method="POST", headers=sent, body=body), who)
    if answer.status != 302:
        raise HubError(f"{user} could not sign in: {answer.status}", where="POST /hub/login")
    found += set_cookies(answer)
    target = f"/user/{user}/"
    for _ in range(MOST_STEPS):
        answer = await ask(live, Ask(target, headers=tuple(headers)), who)
        found += set_cookies(answer)
        location = answer.header("Location")
        if answer.status not in REDIRECTS or location is None:
            break
        # Whatever public name it leads to, the lab's own address stands behind it.
        parts = urlsplit(location)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
    if answer.status != 200:
        raise HubError(f"{user}'s server did not open: {answer.status}", where=target)
    return found
