"""The questions to each case. Each answer is short, so that cases can be compared at a glance.

Answers leave out what differs from run to run: times, ports, ids. The reason of a failure is in the
detail.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hublab.cases.case_table import Seen as Seen
from hublab.diagnosis.reach import HopDiagnosis, diagnose
from hublab.diagnosis.routes import AGREE, compare
from hublab.diagnosis.told import diagnosed
from hublab.errors import HublabError, Undecided, UsageError
from hublab.matrix.request_lines import RequestLine
from hublab.probes.credentials import Credentials, credentials
from hublab.probes.cross_origin import COOKIE, TOKEN, Asking, cors_access
from hublab.probes.http import Ask, ask
from hublab.probes.last_activity import last_activity
from hublab.probes.reach import reach
from hublab.probes.route_beliefs import route_tables
from hublab.probes.websocket import converse
from hublab.running.live import LiveLab
from hublab.running.readiness import ProgramEnded
from hublab.running.servers import Server
from hublab.running.visitor import Visitor

if TYPE_CHECKING:  # Playwright is imported where a browser is asked for
    from playwright.async_api import Browser

USER = "alice"
ORIGIN = "http://app.lab"
"""Another origin than the lab's: a page that asks the hub or a server."""


@dataclass(slots=True)
class Visit:
    """One case, in which a server is started when the first probe needs it."""

    live: LiveLab
    browser: Browser | None = None
    """The lab's Chromium, where a question needs it."""
    _server: Server | None = None
    _failed: HublabError | None = field(default=None)
    _signing_in: asyncio.Task[Visitor] | None = None

    @property
    def broken(self) -> bool:
        """Whether the server was asked for and did not start."""
        return self._failed is not None

    async def server(self) -> Server:
        """The user's server. Raises the same HublabError each time when it did not start."""
        if self._failed:
            raise self._failed
        if self._server is None:
            try:
                self._server = await self.live.spawn(USER)
            except HublabError as error:
                self._failed = error
                raise
            except asyncio.CancelledError:  # its time is over, and nobody else shall wait as long
                self._failed = Undecided(f"{USER}'s server did not start in time")
                raise
        return self._server

    def begin_sign_in(self) -> None:
        """Have the user sign in while something else happens."""
        if self._signing_in is None:
            self._signing_in = asyncio.create_task(self.live.sign_in(USER))

    async def visitor(self) -> Visitor:
        """The user, signed in once for all probes. Raises HublabError where the hub refuses."""
        self.begin_sign_in()
        assert self._signing_in is not None
        return await asyncio.shield(self._signing_in)  # the time of one probe may be over

    async def close(self) -> None:
        """Give up a sign-in that has not come to an end."""
        if self._signing_in is not None:
            self._signing_in.cancel()
            await asyncio.gather(self._signing_in, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Probe:
    """A question, and the line that explains it."""

    ask: Callable[[Visit], Awaitable[Seen]]
    help: str
    needs_server: bool = False
    needs_visitor: bool = False
    """Whether it asks as a user who signed in."""
    needs_role: str = ""
    """The role of a host that not every topology has."""


async def sign_in(visit: Visit) -> Seen:
    await visit.visitor()
    return Seen("ok")


async def spawn(visit: Visit) -> Seen:
    server = await visit.server()
    return Seen("ready", detail=f"on {server.host} after {server.seconds or 0:.1f} s")


async def cell(visit: Visit) -> Seen:
    await visit.server()
    visitor = await visit.visitor()
    await visitor.open_server("")
    async with visitor.kernel("") as kernel:
        result = await kernel.run("6 * 7", 60)
    return Seen(result.error or str(result.result), result.error is None)


async def hops(visit: Visit) -> Seen:
    tried = diagnose(await reach(visit.live))
    visit.live.record(diagnosed(visit.live.name, tried))
    broken = [hop for hop in tried if not hop.ok]
    if not broken:
        return Seen("ok")
    lines = [
        f"{hop.source} -> {hop.target}: {hop.error}, governed by {hop.setting}" for hop in broken
    ]
    return Seen(in_few_words(broken), False, "; ".join(lines))


def in_few_words(broken: list[HopDiagnosis]) -> str:
    """Broken hops with their reason, those with the same one together."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for hop in broken:
        alike.setdefault((hop.target, hop.error or "", hop.setting), []).append(hop.source)
    return "; ".join(
        f"{', '.join(dict.fromkeys(sources))} -> {target}: {error} ({setting})"
        for (target, error, setting), sources in alike.items()
    )


async def origin(visit: Visit) -> Seen:
    await visit.server()  # whose user the hub knows
    return await _cross_origin(visit, f"{await _base(visit)}user/{USER}/api/status", TOKEN)


async def hub_origin(visit: Visit) -> Seen:
    await (await visit.live.hub()).ensure_user(USER)
    return await _cross_origin(visit, f"{await _base(visit)}hub/api/user", COOKIE)


async def websocket(visit: Visit) -> Seen:
    await visit.server()
    path = f"{await _base(visit)}user/{USER}/api/events/subscribe"
    visitor = await visit.visitor()
    await visitor.open_server("")
    who = Credentials(visitor.session.cookie_jar)
    seen = await converse(visit.live, path, [("Origin", ORIGIN)], who, frames=0, seconds=1)
    return Seen(str(seen.status), seen.status == 101)


async def browser_fetch(visit: Visit) -> Seen:
    """What Chromium lets a page of another site read, which asks with a token."""
    from hublab.probes.page_requests import page_at
    from hublab.running.browser import HUB_SITE, OTHER_SITE, put_elsewhere

    await visit.server()
    assert visit.browser is not None
    await put_elsewhere(visit.live)
    url = f"{HUB_SITE}{await _base(visit)}user/{USER}/api/status"
    context = await visit.browser.new_context()
    try:
        async with (
            credentials(visit.live, USER, token=True) as who,
            page_at(visit.live, context, OTHER_SITE) as page,
        ):
            asked = await page.fetch(url, token=who.token)
    finally:
        await context.close()
    if asked.read is not None:
        return Seen("readable" if asked.read < 400 else f"reads {asked.read}")
    answered = f"answered {asked.answered}" if asked.answered else "not sent"
    return Seen(f"hidden, {asked.blocked or asked.text}", detail=answered)


async def routes(visit: Visit) -> Seen:
    tables = await route_tables(visit.live)
    if tables.hub_error:
        return Seen("unknown", False, tables.hub_error)
    wrong = [pair for pair in compare(tables) if pair.mark != AGREE]
    if not wrong:
        return Seen("agree")
    return Seen(f"{len(wrong)} differ", False, ", ".join(f"{p.spec} ({p.mark})" for p in wrong))


async def activity(visit: Visit) -> Seen:
    reader = await last_activity(visit.live, await visit.server())
    beliefs = await reader.read()
    known = [
        name
        for name, at in (
            ("server", beliefs.server), ("proxy", beliefs.proxy), ("hub", beliefs.hub_server),
        )
        if at is not None
    ]  # fmt: skip
    return Seen("known to " + ", ".join(known) if known else "unknown")


async def requested(visit: Visit, line: RequestLine) -> Seen:
    """One request of the user's own."""
    headers = (("Origin", line.origin),) if line.origin else ()
    if line.user:
        await (await visit.live.hub()).ensure_user(line.user)
    async with credentials(visit.live, line.user, token=line.token) as who:
        answer = await ask(visit.live, Ask(line.path, method=line.method, headers=headers), who)
    access = cors_access(answer)
    allowed = "" if access.allow_origin is None else f", origin {access.allow_origin}"
    to = {name.lower(): value for name, value in answer.headers}.get("location")
    return Seen(f"{answer.status}{allowed}" + (f" -> {to}" if to else ""), answer.status < 400)


async def _base(visit: Visit) -> str:
    hub = await visit.live.hub()
    return str(hub.url.path.removesuffix("hub/api"))


async def _cross_origin(visit: Visit, target: str, credential: str) -> Seen:
    asking = Asking(credential, origin=ORIGIN)
    async with credentials(visit.live, USER, token=credential == TOKEN) as who:
        answer = await ask(visit.live, Ask(target, headers=asking.headers()), who)
    access = cors_access(answer)
    readable = access.readable_by(ORIGIN, with_cookies=credential == COOKIE)
    return Seen("readable" if readable else f"hidden, {access}", detail=str(access))


PROBES = {
    "sign-in": Probe(sign_in, f"{USER} signs in by the hub's form", needs_visitor=True),
    "spawn": Probe(spawn, f"the hub starts {USER}'s server", needs_server=True),
    "cell": Probe(cell, "a kernel of that server computes 6 * 7", needs_server=True,
                  needs_visitor=True),
    "reach": Probe(hops, "every hop of the deployment, as `hublab reach` tries it"),
    "origin": Probe(origin, f"a page of {ORIGIN} with a token reads the server's API",
                    needs_server=True),
    "hub-origin": Probe(hub_origin, f"a page of {ORIGIN} with cookies reads the hub's API"),
    "browser-fetch": Probe(browser_fetch, f"Chromium: a page of {ORIGIN} with a token fetches it",
                           needs_server=True, needs_role="browser"),
    "websocket": Probe(websocket, f"a page of {ORIGIN} opens a WebSocket of the server",
                       needs_server=True, needs_visitor=True),
    "routes": Probe(routes, "the proxy's routes are those that the hub expects"),
    "activity": Probe(activity, f"who knows when {USER}'s server was last active",
                      needs_server=True),
}  # fmt: skip


OVERLAY_OF_ROLE = {"browser": "browser"}
"""Role that a probe needs -> the overlay that adds such a host."""


def check_probe(name: str, where: str) -> None:
    """Raise UsageError for a name that is no probe's."""
    if name not in PROBES:
        near = difflib.get_close_matches(name, PROBES, n=1) or list(PROBES)
        raise UsageError(f"there is no probe {name!r}", where=where, hint=", ".join(near))


FRAMES = re.compile(
    rf"^({USER} could not sign in: |{USER}'s server did not start: (the hub answered \d+: )?)"
)
"""What the name of the column says already."""


def failed(error: HublabError) -> Seen:
    """What to show of an error: its first line, and all of it as the detail.

    Of a program that ended it is the last line of its log. It has no hint, whose commands would
    need a lab that is gone by the time it is read.
    """
    first = FRAMES.sub("", error.message.splitlines()[0])
    if isinstance(error, ProgramEnded) and (words := error.log.strip().splitlines()):
        first = f"the {error.role} ended: {words[-1].strip()}"
    where = f" ({error.where})" if error.where else ""
    return Seen(first, False, f"{error.message}{where}")
