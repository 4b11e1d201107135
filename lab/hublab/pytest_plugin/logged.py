"""What hosts and servers logged about a failure: a few lines of each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hublab.journal.events import Event, Observed, SpawnProgress

if TYPE_CHECKING:  # collecting tests needs no Docker
    from hublab.running.said import Log

MOST = 3
"""Lines of one host."""
LONGEST = 200
"""Characters of a line."""
OWN_STAMP = re.compile(r"(?<=^\[[A-Z]) \d{4}-\d\d-\d\d [\d:.,]+ |^\d{4}-\d\d-\d\dT[\d:.]+Z ")
"""The time with which a program begins its own lines; the engine's stands before it."""
TROUBLE = re.compile(
    r"^\[[EWC] |\b(error|warn(ing)?|critical|fatal|exception|refused|denied|invalid|failed|"
    r"failure|cannot|could not|timed? ?out|terminated|ended)\b",
    re.IGNORECASE,
)
ASIDE = re.compile(r"^\[I .*\(hublab@|^\[[EWIDC] \S+ log:\d+\] \{$|^\s|^[{}]")
"""hublab's own questions to the hub, and the headers of a request that the hub could not answer."""


def subjects(events: Iterable[Event]) -> set[str]:
    """Users and paths that a test was about."""
    found: set[str] = set()
    for event in events:
        if isinstance(event, SpawnProgress):
            found.add(event.user)
        elif isinstance(event, Observed):
            asked = event.data.get("asked") or {}
            if isinstance(asked, dict):
                path = urlsplit(str(asked.get("url") or asked.get("path") or "")).path
                found |= {path} if path.strip("/") else set()
                found |= {str(asked["user"])} if asked.get("user") else set()
                found |= set(re.findall(r"/user/([^/]+)", path))
    return found


def users_in(about: Iterable[str]) -> list[str]:
    """Of the subjects those that are users."""
    return sorted(one for one in about if "/" not in one)


def excerpt(lines: Iterable[tuple[str, str]], about: Iterable[str]) -> list[tuple[str, str]]:
    """Of a log's lines, each with its time, the last that report trouble; else those that name a
    subject. Lines that say the same as one before are left out.
    """
    plain = [(at, OWN_STAMP.sub(" " if text[:1] == "[" else "", text)) for at, text in lines]
    told = [(at, text) for at, text in plain if text.strip() and not ASIDE.search(text)]
    names = [re.compile(rf"(?<![\w-]){re.escape(one)}(?![\w-])") for one in about]
    trouble = [line for line in told if TROUBLE.search(line[1])]
    named = [line for line in told if any(name.search(line[1]) for name in names)]
    both = [line for line in trouble if line in named]
    chosen: list[tuple[str, str]] = []
    for line in (*reversed(both), *reversed(trouble), *reversed(named)):
        if len(chosen) < MOST and line[1] not in (text for _, text in chosen):
            chosen.append(line)
    return [(at, shortened(text)) for at, text in sorted(chosen)]


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def said_by_hosts(
    logs: Iterable[Log], since: float, about: set[str]
) -> dict[str, list[tuple[str, str]]]:
    """A few lines of each host's log since a time, and of the logs of servers that were started
    since then.
    """
    begun = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    found: dict[str, list[tuple[str, str]]] = {}
    for log in logs:
        lines = [(line.at, line.text) for line in log.lines]
        if not log.server:
            found[log.host] = excerpt((one for one in lines if one[0] >= begun), about)
        elif log.begun >= since:
            found[f"{log.host} {log.server}"] = excerpt(lines, ())
    return {name: lines for name, lines in found.items() if lines}
