"""The way of a browser from a server's page to its sign-in and back, one request at a time."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

from yarl import URL

from hublab.scenario import NAVIGATE, Answer, Ask, Credentials, LiveLab, ask

PAGE = "/user/alice/lab"
AUTHORIZE, CALLBACK = "/hub/api/oauth2/authorize", "/user/alice/oauth_callback"
CLIENT = "jupyterhub-user-alice"
"""The OAuth client of alice's server, and the name of that server's cookie."""
STATE_COOKIE = f"{CLIENT}-oauth-state"


async def open_page(lab: LiveLab, who: Credentials, target: str, at: URL | None = None) -> Answer:
    """One page of the hub's address or another, as a browser navigates to it, without following
    where it leads.
    """
    return await ask(lab, Ask(target, headers=tuple(NAVIGATE.items())), who, at=at)


async def visit(lab: LiveLab, who: Credentials, target: str, at: URL | None = None) -> Answer:
    """The same, wherever it leads."""
    return await ask(lab, Ask(target, headers=tuple(NAVIGATE.items())), who, follow=True, at=at)


def leads_to(answer: Answer) -> str:
    """The target of a redirect, empty where there is none."""
    return answer.header("Location") or ""


def path_of(answer: Answer) -> str:
    """The path of where a redirect leads."""
    return urlsplit(leads_to(answer)).path


def parameters(answer: Answer) -> dict[str, str]:
    """The parameters of where a redirect leads."""
    return {key: values[0] for key, values in parse_qs(urlsplit(leads_to(answer)).query).items()}


async def until_callback(lab: LiveLab, who: Credentials) -> Answer:
    """From the server's page to the hub's answer that leads back, with a code."""
    page = await open_page(lab, who, PAGE)
    return await open_page(lab, who, leads_to(page))


def names(who: Credentials) -> set[str]:
    """The cookies that a browser holds."""
    return {morsel.key for morsel in who.jar}


async def opened_at_once(lab: LiveLab, *browsers: Credentials) -> list[int]:
    """What alice's page answers several browsers, without any redirect followed."""
    pages = await asyncio.gather(*(open_page(lab, who, PAGE) for who in browsers))
    return [page.status for page in pages]
