"""Whether a page of another origin could read an answer, as far as that is known without a browser.

The answer's headers decide (Fetch standard, "CORS check"), but only for a request that a browser
sends: which cookies go along is decided by their SameSite (RFC 6265bis, 5.6.7.1), and for what is
not simple it asks first, by a preflight. Neither is tried here, so the result names both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from yarl import URL

from hublab.probes.cross_origin import cors_access
from hublab.probes.http import REDIRECTS, Answer, Ask

SIMPLE_METHODS = ("GET", "HEAD", "POST")
SIMPLE_HEADERS = ("accept", "accept-language", "content-language")
SIMPLE_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
THE_BROWSERS = ("origin", "host", "cookie", "user-agent", "referer", "content-length")
"""Headers that a browser sets by itself, so a page needs no permission for them."""
NO_SAME_SITE = "no SameSite, which Chromium takes for Lax"


@dataclass(frozen=True, slots=True)
class PageAccess:
    """What is known of a page of `origin` that gets an answer. Use `page_access`."""

    origin: str
    may_read: bool | None
    """None: no page gets this answer, whatever it says."""
    why: str
    cookies: Mapping[str, str | None] = field(default_factory=dict)
    """The cookies that were sent, and their SameSite; None where they say nothing of it."""
    unknown: tuple[str, ...] = ()
    """What else a browser decides by, and was not tried."""

    def __str__(self) -> str:
        may = {True: "could read", False: "could not read", None: "never sees"}[self.may_read]
        said = f"a page of {self.origin} {may} this answer: {self.why}"
        return "\n".join([said, *(f"  not tried: {one}" for one in self.unknown)])


def page_access(
    answer: Answer,
    wanted: Ask,
    origin: str,
    cookies: Mapping[str, str | None],
    sent: tuple[str, ...],
) -> PageAccess:
    """What the headers of an answer let a page of `origin` do with it.

    `cookies` are those that were sent, `sent` the names of headers that were put in besides those
    of `wanted`: a token's, the XSRF token's.
    """
    given = {name.lower(): value for name, value in wanted.headers}
    if same_origin(answer.url, origin, given.get("host")):
        return PageAccess(origin, True, "it is the origin that was asked", cookies)
    unknown = tuple(not_tried(answer, wanted, given, cookies, sent))
    if "access-control-request-method" in given and wanted.method == "OPTIONS":
        return PageAccess(origin, None, "a preflight's answer is for the browser alone", cookies)
    if answer.status in REDIRECTS and answer.header("Location"):
        why = "it is a redirect, and a page gets what it leads to (--follow)"
        return PageAccess(origin, None, why, cookies, unknown)
    with_cookies = bool(cookies) or "cookie" in given
    got = cors_access(answer)
    may = got.readable_by(origin, with_cookies=with_cookies)
    if got.allow_origin is None:
        why = "it has no Access-Control-Allow-Origin"
    elif not got.readable_by(origin):
        why = f"its Access-Control-Allow-Origin is {got.allow_origin}"
    elif not may and got.allow_origin == "*":
        why = "Access-Control-Allow-Origin: * does not count for a request with cookies"
    elif not may:
        why = "it was asked with cookies, and has no Access-Control-Allow-Credentials: true"
    else:
        why = f"its Access-Control-Allow-Origin is {got.allow_origin}"
        why += ", with credentials" if with_cookies else ""
    return PageAccess(origin, may, why, cookies, unknown)


def same_origin(url: str, origin: str, host: str | None) -> bool:
    """Whether an origin is the one that a request went to, by the Host header it gave."""
    with contextlib.suppress(ValueError):  # `null`, or what is no origin at all
        asked = URL(url).origin()
        if host:
            asked = URL(f"{asked.scheme}://{host}").origin()
        return asked == URL(origin).origin()
    return False


def not_tried(
    answer: Answer,
    wanted: Ask,
    given: Mapping[str, str],
    cookies: Mapping[str, str | None],
    sent: tuple[str, ...],
) -> Iterator[str]:
    """What a browser decides by before a page gets an answer."""
    if cookies or "cookie" in given:
        said = [
            f"{', '.join(name for name, own in cookies.items() if own == site)}: "
            f"{site or NO_SAME_SITE}"
            for site in dict.fromkeys(cookies.values())
        ]
        yield "; ".join(["a browser sends to another site only cookies of SameSite=None", *said])
    if named := needs_preflight(wanted, given, sent):
        yield f"the preflight by which a browser asks for permission, for {', '.join(named)}"
    if len(answer.chain) > 1:
        yield "the redirects before it, whose answers a browser checks too"


def needs_preflight(wanted: Ask, given: Mapping[str, str], sent: tuple[str, ...]) -> list[str]:
    """What of a request is not simple (Fetch standard, "CORS-safelisted")."""
    plain = given.get("content-type", "").partition(";")[0].strip().lower() in SIMPLE_TYPES
    free = {*SIMPLE_HEADERS, *THE_BROWSERS, *(["content-type"] if plain else [])}
    headers = dict.fromkeys(name.lower() for name in (*given, *sent))
    method = [wanted.method] if wanted.method not in SIMPLE_METHODS else []
    return [*method, *(name for name in headers if name not in free)]
