"""One HTTP request from the client host through the proxy, its target exactly as it was typed.

Libraries for HTTP tidy up what they send: dots, doubled slashes, escapes. What the proxy makes
of an untidy target is a question of its own, so here nothing is touched on the way.
"""

from __future__ import annotations

import asyncio
import http.client
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urljoin, urlsplit

import aiohttp
import python_socks
from python_socks.sync import Proxy
from yarl import URL

from hublab.errors import Undecided, UsageError, in_words
from hublab.probes.credentials import Credentials
from hublab.running.live import LiveLab

MOST_REDIRECTS = 20
REDIRECTS = (301, 302, 303, 307, 308)
LINE_BREAKS = re.compile(r"[\r\n\0]")
METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Ask:
    """What to send: the target as typed, and what goes with it."""

    target: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    xsrf: bool = False
    timeout: float = 60.0

    def check(self) -> None:
        """Raise UsageError for what would make two requests of one, or none."""
        if LINE_BREAKS.search(self.target):
            raise UsageError("a path cannot hold line breaks", where="PATH")
        if not METHOD.fullmatch(self.method):
            raise UsageError(f"{self.method!r} is no method", where="-X", hint="GET, POST, …")
        for name, value in self.headers:
            if not METHOD.fullmatch(name) or LINE_BREAKS.search(value):
                raise UsageError(
                    f"{name!r}: {value!r} is no header", where="-H", hint="'Name: value'"
                )


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a chain and where its answer leads."""

    method: str
    url: str
    status: int
    location: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The last answer of a chain."""

    status: int
    reason: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    chain: tuple[Step, ...] = field(default=())

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in any case."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


class RedirectLoop(Undecided):
    """A chain of redirects without an end: where a browser says that there were too many."""


class AsTyped(http.client.HTTPConnection):
    """A connection through the client host that sends a target without looking at it."""

    def __init__(self, socks_url: str, host: str, port: int, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._socks_url = socks_url

    def connect(self) -> None:
        """Have the client host resolve the name and open the connection."""
        proxy = Proxy.from_url(self._socks_url, rdns=True)
        self.sock: socket.socket = proxy.connect(self.host, self.port, timeout=self.timeout)

    # The two hooks that http.client has for sending what it would refuse (bpo-36274).
    def _validate_path(self, url: str) -> None:
        """Spaces and the like are what the proxy is asked about; line breaks are refused above."""

    def _encode_request(self, request: str) -> bytes:
        return request.encode("utf-8", "surrogateescape")


async def ask(live: LiveLab, wanted: Ask, who: Credentials, *, follow: bool = False) -> Answer:
    """Send a request, and with `follow` go where its answer leads, as a browser would.

    Raises UsageError for what cannot be sent, Undecided when no answer comes, RedirectLoop when
    following never ends.
    """
    wanted.check()
    here, target, method, body = live.origin, wanted.target, wanted.method, wanted.body
    chain: list[Step] = []
    while True:
        url = written(here, target)
        answer = await one(live, here, target, method, body, wanted, who)
        location = answer.header("Location")
        chain.append(Step(method, url, answer.status, location))
        if not (follow and location and answer.status in REDIRECTS):
            return Answer(
                answer.status, answer.reason, url, answer.headers, answer.body, tuple(chain)
            )
        if len(chain) > MOST_REDIRECTS:
            ways = "\n".join(step.url for step in chain[-4:])
            raise RedirectLoop(
                f"the chain did not end after {MOST_REDIRECTS} redirects", where=ways
            )
        here, target = destination(url, location)
        if answer.status in (301, 302, 303) and method not in ("GET", "HEAD"):
            method, body = "GET", None


async def look(live: LiveLab, url: URL, timeout: float = 10) -> Answer:
    """One GET of any host in the lab by nobody, past the proxy where the URL says so.

    Raises Undecided when no answer comes.
    """
    nobody = Credentials(aiohttp.DummyCookieJar())
    wanted = Ask(url.raw_path_qs, timeout=timeout)
    return await one(live, url.origin(), wanted.target, "GET", None, wanted, nobody)


def written(here: URL, target: str) -> str:
    """A host and a target as one address, or the target alone where it is no path."""
    return f"{str(here).rstrip('/')}{target}" if target.startswith("/") else target


def destination(url: str, location: str) -> tuple[URL, str]:
    """Host and target that a Location leads to, resolved as browsers do."""
    parts = urlsplit(urljoin(url, location))
    if parts.scheme != "http" or not parts.hostname:
        raise Undecided(
            f"the chain leads to {location}, which cannot be asked from here",
            where=url,
            hint="without --follow the redirect itself is shown",
        )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return URL.build(scheme="http", host=parts.hostname, port=parts.port or 80), target


async def one(
    live: LiveLab,
    here: URL,
    target: str,
    method: str,
    body: bytes | None,
    wanted: Ask,
    who: Credentials,
) -> Answer:
    """One request and its answer; cookies that come are kept for the next."""
    # A target that is no path has the cookies of the root.
    place = URL(written(here, target if target.startswith("/") else "/"), encoded=True)
    own = who.headers if here.host == live.origin.host else {}
    xsrf = who.xsrf_header(place) if wanted.xsrf else {}
    headers = {**who.cookie_header(place), **own, **xsrf}
    answer = await asyncio.to_thread(
        exchange, live.channel.socks_url, here, target, method, body, wanted, headers
    )
    for name, value in answer.headers:
        if name.lower() == "set-cookie":
            who.jar.update_cookies(SimpleCookie(value), place)
    return answer


def exchange(
    socks_url: str,
    here: URL,
    target: str,
    method: str,
    body: bytes | None,
    wanted: Ask,
    headers: Mapping[str, str],
) -> Answer:
    """Send and read, blocking."""
    host, port = str(here.host), int(here.port or 80)
    connection = AsTyped(socks_url, host, port, wanted.timeout)
    given = {name.lower() for name, _ in wanted.headers}
    base = {"Host": here.authority, "User-Agent": "hublab", "Accept": "*/*", **headers}
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in [(k, v) for k, v in base.items() if k.lower() not in given]:
            connection.putheader(name, value)
        for name, value in wanted.headers:
            connection.putheader(name, value.encode("utf-8", "surrogateescape"))
        if body is not None and "content-length" not in given:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        pairs = tuple(reply.getheaders())
        return Answer(reply.status, reply.reason, written(here, target), pairs, reply.read())
    except (OSError, http.client.HTTPException, python_socks.ProxyError) as error:
        raise no_answer(here, target, error, wanted.timeout) from error
    finally:
        connection.close()


def no_answer(here: URL, target: str, error: Exception, timeout: float) -> Undecided:
    """Say why there is no answer, and who may know more."""
    if isinstance(error, (TimeoutError, python_socks.ProxyTimeoutError)):
        reason = f"no answer within {timeout:g} s"
    elif isinstance(error, python_socks.ProxyError):
        reason = "the client host cannot connect to it"
    elif isinstance(error, http.client.RemoteDisconnected):
        reason = "it closed the connection without an answer"
    else:
        reason = str(getattr(error, "strerror", None) or in_words(error))
    return Undecided(
        f"{here.host} does not answer: {reason}",
        where=f"{written(here, target)}, from the client host",
        hint="`hublab reach` says which hop is broken",
    )
