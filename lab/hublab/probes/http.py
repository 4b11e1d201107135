"""One HTTP request from the client host through the proxy, its target exactly as it was typed.

The journal gets method, target, status and headers of each, without the values of cookies, tokens
and bodies.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.cookies import SimpleCookie
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from hublab.errors import Undecided
from hublab.journal.redaction import Redactor
from hublab.probes.credentials import Credentials
from hublab.probes.observation import observing
from hublab.running.live import LiveLab
from hublab.running.raw_http import Answer, Ask, Step, send, written

__all__ = ["REDIRECTS", "Answer", "Ask", "RedirectLoop", "Step", "ask", "destination", "look"]

MOST_REDIRECTS = 20
REDIRECTS = (301, 302, 303, 307, 308)


class RedirectLoop(Undecided):
    """A chain of redirects without an end: where a browser says that there were too many."""


async def ask(
    live: LiveLab, wanted: Ask, who: Credentials, *, follow: bool = False, at: URL | None = None
) -> Answer:
    """Send a request, and with `follow` go where its answer leads, as a browser would.

    `at` is another host than `live.origin`, as scheme, name and port; tokens do not go there.
    Raises UsageError for what cannot be sent, Undecided when no answer comes, RedirectLoop when
    following never ends.
    """
    wanted.check()
    here = at or live.origin
    with observing_request(live, here, wanted, who) as saw:
        answer = await through_redirects(live, wanted, who, here, follow=follow)
        saw(answer)
        return answer


async def look(live: LiveLab, url: URL, timeout: float = 10) -> Answer:
    """One GET of any host in the lab by nobody, past the proxy where the URL says so.

    Raises Undecided when no answer comes.
    """
    nobody = Credentials(aiohttp.DummyCookieJar())
    wanted = Ask(url.raw_path_qs, timeout=timeout)
    with observing_request(live, url.origin(), wanted, nobody) as saw:
        answer = await send_as(live, url.origin(), wanted, nobody)
        saw(answer)
        return answer


@contextlib.contextmanager
def observing_request(
    live: LiveLab, here: URL, wanted: Ask, who: Credentials, probe: str = "request"
) -> Iterator[Callable[[Answer], None]]:
    """Record a request, and the answer that the block hands to the function that it gets.

    Of who asks the names of cookies and headers are recorded, without their values.
    """
    own = Redactor(())
    asked: dict[str, object] = {
        "method": wanted.method,
        "url": written(here, wanted.target),
        "headers": own.headers(wanted.headers),
        "carries": sorted({*who.headers, *(morsel.key for morsel in who.jar)}),
    }
    if wanted.xsrf:
        asked["xsrf"] = True
    with observing(live, probe, asked, secrets=who.secrets) as saw:
        yield lambda answer: saw(answer_without_body(answer))


def answer_without_body(answer: Answer) -> dict[str, object]:
    """What of an answer can be written down; of a cookie its name and attributes."""
    return {
        "status": answer.status,
        "headers": Redactor(()).headers(answer.headers),
        "bytes": len(answer.body),
        "redirects": answer.chain[:-1],
    }


async def through_redirects(
    live: LiveLab, wanted: Ask, who: Credentials, here: URL, *, follow: bool
) -> Answer:
    """The last answer of a chain that begins at a host, and the chain."""
    request = wanted
    chain: list[Step] = []
    while True:
        url = written(here, request.target)
        answer = await send_as(live, here, request, who)
        location = answer.header("Location")
        chain.append(Step(request.method, url, answer.status, location))
        if not (follow and location and answer.status in REDIRECTS):
            return replace(answer, chain=tuple(chain))
        if len(chain) > MOST_REDIRECTS:
            ways = "\n".join(step.url for step in chain[-4:])
            raise RedirectLoop(
                f"the chain did not end after {MOST_REDIRECTS} redirects", where=ways
            )
        here, target = destination(url, location)
        request = replace(request, target=target)
        if answer.status in (301, 302, 303) and request.method not in ("GET", "HEAD"):
            request = replace(request, method="GET", body=None)


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


async def send_as(live: LiveLab, here: URL, request: Ask, who: Credentials) -> Answer:
    """One request with somebody's cookies and token; cookies that come are kept for the next."""
    # A target that is no path has the cookies of the root.
    target = request.target if request.target.startswith("/") else "/"
    place = URL(written(here, target), encoded=True)
    own = who.headers if here.host == live.origin.host else {}
    xsrf = who.xsrf_header(place) if request.xsrf else {}
    headers = {**who.cookie_header(place), **own, **xsrf}
    answer = await asyncio.to_thread(send, live.channel.socks_url, here, request, headers)
    for name, value in answer.headers:
        if name.lower() == "set-cookie":
            who.jar.update_cookies(SimpleCookie(value), place)
    return answer
