"""Tables of URLs: a row has a user, a request, the expected answer and its source.

`wrong_rows` tries all rows in a lab and lists those that differ.

An answer is one line, the redirects and then the last status with the kind of its body:

    302 /hub/ > 302 /hub/login?next=/hub/ > 200 html

Of a query only `next` and `redirects` are shown, unquoted once, because other parameters change
with every request. A row may abbreviate common steps of the hub (see `expand`): `hub`, `login`,
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
"""How many requests run at the same time: enough for speed, and too few to flood a host."""
KINDS = {
    "text/html": "html",
    "application/json": "json",
    "text/plain": "text",
    "text/event-stream": "stream",
}


@dataclass(frozen=True, slots=True)
class UrlRow:
    """`who` is a key of the table's people, `request` a method and an unparsed target."""

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
        return Ask(prefixed(base, target), method, self.headers, self.body, self.xsrf)


async def wrong_rows(
    live: LiveLab,
    rows: Iterable[UrlRow],
    people: Mapping[str, Credentials],
    *,
    base: str = "/",
    values: Mapping[str, str] | None = None,
) -> list[str]:
    """The rows that differ from the lab, each with its expected and seen answer and its source.

    Rows are written for `base_url = "/"`; `values` has the values of their placeholders, such as
    `STOPPED`.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def check(row: UrlRow) -> str | None:
        async with places:
            answer = await ask(live, row.ask(base), people[row.who], follow=row.follow)
        expected, seen = prefixed(base, expand(row, values or {})), answer_line(answer)
        if seen == expected:
            return None
        return f"{row.who}: {row.request}\n  expected {expected}\n  seen     {seen}\n  {row.source}"

    found = await asyncio.gather(*(check(row) for row in rows))
    return [text for text in found if text]


def expand(row: UrlRow, values: Mapping[str, str]) -> str:
    """A row's expectation with each abbreviated step expanded, and placeholders replaced."""
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


def prefixed(base: str, text: str) -> str:
    """Add the prefix of another `base_url` to paths that are written for `/`."""
    words = [f"{base}{word[1:]}" if word.startswith("/") else word for word in text.split(" ")]
    return " ".join(words).replace("next=/", f"next={base}")


def answer_line(answer: Answer) -> str:
    """A chain of answers in one line, as far as redirects were followed."""
    steps = [
        f"{step.status} {shown_location(step.location)}" for step in answer.chain if step.location
    ]
    if not (answer.chain and answer.chain[-1].location):
        steps.append(f"{answer.status} {body_kind(answer)}")
    return " > ".join(steps)


def shown_location(location: str | None) -> str:
    """The target of a redirect, without the query parameters that change every time."""
    parts = urlsplit(location or "")
    kept = [
        f"{k}={shown_location(v)}" for k, v in parse_qsl(parts.query) if k in ("next", "redirects")
    ]
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    host = f"//{parts.netloc}" if parts.netloc else ""
    return scheme + host + parts.path + (f"?{'&'.join(kept)}" if kept else "")


def body_kind(answer: Answer) -> str:
    """The kind of an answer's body."""
    if not answer.body:
        return "empty"
    sort = (answer.header("Content-Type") or "").partition(";")[0].strip()
    return KINDS.get(sort, sort or "untyped")
