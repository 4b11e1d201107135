"""Whether a page of another origin could read an answer, by what `hublab request` knows of it."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from yarl import URL

from hublab.probes.credentials import Credentials
from hublab.probes.cross_origin import cors_access
from hublab.probes.http import Answer, Ask, Step
from hublab.probes.page_access import PageAccess, page_access

URL_ASKED = "http://proxy:8000/user/alice/api"
PORTAL = "https://portal.example.org"
LAX = {"_xsrf": None, "session": "Lax"}
ALLOW, CREDENTIALS = "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"


def answer(*headers: tuple[str, str], status: int = 200, steps: int = 1) -> Answer:
    step = Step("GET", URL_ASKED, status, None)
    return Answer(status, "", URL_ASKED, headers, b"", (step,) * steps)


def read(
    got: Answer,
    *headers: tuple[str, str],
    origin: str = PORTAL,
    method: str = "GET",
    cookies: dict[str, str | None] | None = None,
    sent: tuple[str, ...] = (),
) -> PageAccess:
    wanted = Ask("/", method, (*headers, ("Origin", origin)))
    return page_access(got, wanted, origin, cookies or {}, sent)


@pytest.mark.parametrize(
    ("headers", "cookies", "may", "why"),
    [
        ((), None, False, "it has no Access-Control-Allow-Origin"),
        (((ALLOW, PORTAL),), None, True, f"its Access-Control-Allow-Origin is {PORTAL}"),
        (((ALLOW, "*"),), None, True, "its Access-Control-Allow-Origin is *"),
        (((ALLOW, "http://x"),), None, False, "its Access-Control-Allow-Origin is http://x"),
        (
            ((ALLOW, PORTAL), (ALLOW, PORTAL)),
            None,
            False,
            f"its Access-Control-Allow-Origin is {PORTAL}, {PORTAL}",
        ),
        (
            ((ALLOW, PORTAL),),
            LAX,
            False,
            "it was asked with cookies, and has no Access-Control-Allow-Credentials: true",
        ),
        (
            ((ALLOW, "*"), (CREDENTIALS, "true")),
            LAX,
            False,
            "Access-Control-Allow-Origin: * does not count for a request with cookies",
        ),
        (
            ((ALLOW, PORTAL), (CREDENTIALS, "true")),
            LAX,
            True,
            f"its Access-Control-Allow-Origin is {PORTAL}, with credentials",
        ),
    ],
)
def test_the_headers_decide(
    headers: tuple[tuple[str, str], ...], cookies: dict[str, str | None], may: bool, why: str
) -> None:
    seen = read(answer(*headers), cookies=cookies)
    assert (seen.may_read, seen.why) == (may, why)


def test_what_was_not_tried_is_told() -> None:
    """Cookies that a browser may keep back, permission that it asks for first, redirects before."""
    assert read(answer()).unknown == ()
    assert read(answer(), cookies=LAX).unknown == (
        "a browser sends to another site only cookies of SameSite=None; "
        "_xsrf: no SameSite, which Chromium takes for Lax; session: Lax",
    )
    (asked,) = read(answer(), ("X-A", "1"), method="PUT", sent=("Authorization",)).unknown
    assert asked.endswith("asks for permission, for PUT, x-a, authorization")
    (asked,) = read(answer(), ("Content-Type", "application/json"), method="POST").unknown
    assert asked.endswith("for content-type")
    assert not read(answer(), ("Content-Type", "text/plain; x=y"), method="POST").unknown
    (chain,) = read(answer(steps=2)).unknown
    assert chain.startswith("the redirects before it")
    assert "\n  not tried: the redirects" in str(read(answer(steps=2)))


@pytest.mark.parametrize(
    ("origin", "host", "may"),
    [
        ("http://proxy:8000", (), True),
        ("https://proxy:8000", (), False),
        ("http://proxy", (), False),
        ("http://hub.lab", (("Host", "hub.lab"),), True),
        ("null", (), False),
        ("http://[x", (), False),
    ],
)
def test_its_own_origin_needs_no_header(
    origin: str, host: tuple[tuple[str, str], ...], may: bool
) -> None:
    assert read(answer(), *host, origin=origin).may_read is may


def test_what_no_page_gets() -> None:
    preflight = read(
        answer((ALLOW, PORTAL)), ("Access-Control-Request-Method", "PUT"), method="OPTIONS"
    )
    redirect = read(answer(("Location", "/x"), (ALLOW, PORTAL), status=302))
    assert (preflight.may_read, redirect.may_read) == (None, None)
    assert "never sees this answer" in str(redirect)


def test_a_header_that_came_twice_is_one_with_both_values() -> None:
    assert cors_access(answer((ALLOW, "a"), (ALLOW.lower(), "b"))).allow_origin == "a, b"
    assert cors_access(answer()).allow_origin is None


def test_the_same_site_of_the_cookies_that_are_sent() -> None:
    asyncio.run(same_site_of_cookies())


async def same_site_of_cookies() -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    who = Credentials(jar)
    jar.update_cookies({"here": "1"}, URL("http://proxy:8000/"))
    jar.update_cookies({"there": "1"}, URL("http://other/"))
    for morsel in jar:
        if morsel.key == "here":
            morsel["samesite"] = "Strict"
    assert who.same_site(URL("http://proxy:8000/x")) == {"here": "Strict"}
    assert who.same_site(URL("http://other/")) == {"there": None}
