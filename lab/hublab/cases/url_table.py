"""A decision table of URLs: a row says who asks for what, what comes of it and where that is
written; one function holds all rows against a lab and says which are wrong.

What comes is one line, the redirects and then the last answer with the kind of its body:

    302 /hub/ > 302 /hub/login?next=/hub/ > 200 html

Of queries only `next` and `redirects` are shown, unquoted once: the others are of the moment.
A row may say in one word what the hub does everywhere (see `written_out`): `hub`, `login`,
`progress`, `oauth`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from hublab.probes.credentials import Credentials
from hublab.probes.http import Answer, Ask, ask
from hublab.running.live import LiveLab

AT_ONCE = 6
"""Requests under way at the same time: a table is asked sooner, and no host is flooded."""
KINDS = {
    "text/html": "html",
    "application/json": "json",
    "text/plain": "text",
    "text/event-stream": "stream",
}


@dataclass(frozen=True, slots=True)
class UrlRow:
    """`who` is a key of the table's people, `request` a method and a target as typed."""

    who: str
    request: str
    expected: str
    source: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    xsrf: bool = False
    follow: bool = True

    def ask(self, base: str = "/") -> Ask:
        """The row's request, with everything below `base`."""
        method, _, target = self.request.partition(" ")
        return Ask(below(base, target), method, self.headers, self.body, self.xsrf)


async def wrong_rows(
    live: LiveLab,
    rows: Iterable[UrlRow],
    people: Mapping[str, Credentials],
    *,
    base: str = "/",
    values: Mapping[str, str] | None = None,
) -> list[str]:
    """The rows of a table that are not so, each with what was expected, seen and cited.

    Rows are written for `base_url = "/"`; `values` has what their words in capitals stand for.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def check(row: UrlRow) -> str | None:
        async with places:
            answer = await ask(live, row.ask(base), people[row.who], follow=row.follow)
        expected, seen = below(base, written_out(row, values or {})), answer_line(answer)
        if seen == expected:
            return None
        return f"{row.who}: {row.request}\n  expected {expected}\n  seen     {seen}\n  {row.source}"

    found = await asyncio.gather(*(check(row) for row in rows))
    return [text for text in found if text]


def written_out(row: UrlRow, values: Mapping[str, str]) -> str:
    """A row's expectation in full: each word for a step becomes the redirect that it means."""
    here = row.request.partition(" ")[2].partition("?")[0]
    steps = []
    for word in row.expected.split(" > "):
        user = here.removeprefix("/hub").split("/")[2:3]
        step = {
            "hub": f"302 /hub{here}",
            "login": f"302 /hub/login?next={here} > 200 html",
            "progress": f"303 /hub/spawn-pending/{''.join(user)}?next={here}",
            "oauth": "302 /hub/api/oauth2/authorize",
        }.get(word, word)
        here = step.split(" ")[1]
        steps.append(step)
    text = " > ".join(steps)
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def below(base: str, text: str) -> str:
    """Paths that are written for `base_url = "/"` as they are with another."""
    words = [f"{base}{word[1:]}" if word.startswith("/") else word for word in text.split(" ")]
    return " ".join(words).replace("next=/", f"next={base}")


def answer_line(answer: Answer) -> str:
    """A chain of answers in one line, as far as it was followed."""
    steps = [f"{step.status} {shown(step.location)}" for step in answer.chain if step.location]
    if not (answer.chain and answer.chain[-1].location):
        steps.append(f"{answer.status} {kind(answer)}")
    return " > ".join(steps)


def shown(location: str | None) -> str:
    """Where a redirect leads, without the parts of a query that differ each time."""
    parts = urlsplit(location or "")
    kept = [f"{k}={shown(v)}" for k, v in parse_qsl(parts.query) if k in ("next", "redirects")]
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    host = f"//{parts.netloc}" if parts.netloc else ""
    return scheme + host + parts.path + (f"?{'&'.join(kept)}" if kept else "")


def kind(answer: Answer) -> str:
    """What sort of body an answer has."""
    if not answer.body:
        return "empty"
    sort = (answer.header("Content-Type") or "").partition(";")[0].strip()
    return KINDS.get(sort, sort or "untyped")
