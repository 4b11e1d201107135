"""Observations of a journal as cells of a table: what was asked, and the answer in few words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from hublab.cases.case_table import Seen
from hublab.journal.events import Event, Observed, SpawnProgress

BASE = "hub.JupyterHub.base_url"
Data = Mapping[str, Any]


def seen_in(events: Iterable[Event], settings: Mapping[str, object]) -> dict[str, Seen]:
    """Question -> answer, of all that was observed in one case.

    The same question has the same words in every case: the base URL, and the name that a server
    has for this case alone, are left out. Who asks again gets the answers one after the other.
    """
    found: dict[str, list[Seen]] = {}
    for question, cell in filter(None, map(told, events)):
        base = str(settings.get(BASE, "/"))
        if base not in ("", "/"):
            question = question.replace(f" {base}", " /", 1)
        question = re.sub(r"/case-\d+(?=[/ ]|$)", "", question)
        answers = found.setdefault(question, [])
        if not answers or answers[-1] != cell:
            answers.append(cell)
    return {question: joined(cells) for question, cells in found.items()}


def joined(cells: list[Seen]) -> Seen:
    """Several answers to one question in one cell; the last one says if it works."""
    if len(cells) == 1:
        return cells[0]
    shown = [cells[0], *(["…"] if len(cells) > 3 else ()), *cells[1:][-2:]]
    short = ", then ".join(one if isinstance(one, str) else one.short for one in shown)
    return Seen(short, cells[-1].ok, cells[-1].detail)


def told(event: Event) -> tuple[str, Seen] | None:
    """Question and answer of one event; None for what no cell has room for."""
    if isinstance(event, SpawnProgress):
        return spawned(event)
    if not isinstance(event, Observed) or event.probe not in CELLS:
        return None
    asked = event.data.get("asked") or {}
    question, answer = CELLS[event.probe]
    if "error" in event.data:
        message = str(event.data["error"])
        return question(asked), Seen(message.partition("\n")[0], False, message)
    return question(asked), answer(event.data.get("seen"))


def spawned(event: SpawnProgress) -> tuple[str, Seen] | None:
    """How a spawn ended; its steps are left out, for ports and hosts differ."""
    if event.progress != 100:
        return None
    failed = "failed" in event.message.lower()
    short = event.message.removeprefix("Spawn failed: ") if failed else "ready"
    return f"spawn {event.user}", Seen(short, not failed, event.message if failed else "")


CREDENTIALS = ("authorization", "cookie")
XSRF_HEADER = "x-xsrftoken"


def request_question(asked: Data) -> str:
    """Method, path, who asks, and from where."""
    headers = {name.lower(): value for name, value in asked.get("headers", ())}
    # A request may name a credential of its own beside those of whom it is asked as.
    own = [name for name in headers if name in CREDENTIALS]
    carries = [*own, *(str(one).lower() for one in asked.get("carries", ()))]
    who = "token" if "authorization" in carries else "cookie" if carries else "nobody"
    parts = urlsplit(str(asked.get("url", "")))
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    words = [str(asked.get("method", "GET")), path, f"by {who}"]
    words += ["with XSRF token"] if asked.get("xsrf") or XSRF_HEADER in headers else []
    words += [f"from {headers['origin']}"] if "origin" in headers else []
    words += [f"{headers['sec-fetch-mode']}"] if "sec-fetch-mode" in headers else []
    wanted = headers.get("access-control-request-headers")
    return " ".join(words + ([f"for {wanted}"] if wanted else []))


def request_answer(seen: Any) -> Seen:
    """Status, where it leads, and which page may read it."""
    headers: dict[str, list[str]] = {}
    for name, value in seen.get("headers", ()):
        headers.setdefault(name.lower(), []).append(value)
    steps = [str(step["status"]) for step in seen.get("redirects", ())]
    words = [" > ".join([*steps, str(seen["status"])])]
    if allowed := headers.get("access-control-allow-origin"):
        words.append(f"origin {', '.join(allowed) or repr('')}")
    words += ["credentials"] if "access-control-allow-credentials" in headers else []
    if 300 <= seen["status"] < 400 and (location := headers.get("location")):
        words.append(f"to {urlsplit(location[0]).path}")
    return Seen(", ".join(words))


def websocket_question(asked: Data) -> str:
    origin = next((v for k, v in asked.get("headers", ()) if k.lower() == "origin"), "")
    return f"WebSocket {asked.get('path')}" + (f" from {origin}" if origin else "")


def page_answer(seen: Any) -> Seen:
    """What a page in Chromium could read."""
    why = f", blocked: {seen['blocked']}" if seen.get("blocked") else ""
    read = "hidden" if seen.get("read") is None else "readable"
    return Seen(f"{seen.get('answered')}, {read}{why}")


def reach_answer(seen: Any) -> Seen:
    """The hops at which nobody answered."""
    broken = [
        (f"{hop['from']}->{hop['to']}", hop["attempt"]["error"])
        for hop in seen.get("hops", ())
        if (hop.get("attempt") or {}).get("error")
    ]
    if not broken:
        return Seen("every hop")
    hops = ", ".join(dict.fromkeys(hop for hop, _ in broken))
    return Seen(f"broke: {hops}", False, "; ".join(f"{hop}: {error}" for hop, error in broken))


def page_of(asked: Data) -> str:
    return str(urlsplit(str(asked.get("page", ""))).netloc)


def path_of(asked: Data) -> str:
    return str(urlsplit(str(asked.get("url", ""))).path)


CELLS: Mapping[str, tuple[Callable[[Data], str], Callable[[Any], Seen]]] = {
    "request": (request_question, request_answer),
    "websocket": (websocket_question, lambda seen: Seen(str(seen["status"]))),
    "page_fetch": (
        lambda a: (
            f"fetch {a.get('method')} {path_of(a)} from {page_of(a)} ({a.get('credentials')})"
        ),
        page_answer,
    ),
    "page_websocket": (
        lambda a: f"page's WebSocket {path_of(a)} from {page_of(a)}",
        lambda seen: Seen("open" if seen.get("open") else f"closed, {seen.get('status')}"),
    ),
    "frame": (
        lambda a: f"frame {path_of(a)} in {page_of(a)}",
        lambda seen: Seen(f"{seen['status']}, {'shown' if seen['shown'] else 'hidden'}"),
    ),
    "reach": (lambda a: "reach", reach_answer),
    "server_state": (lambda a: f"state of {a.get('user')}", lambda seen: Seen(str(seen))),
}
"""Probe -> the words of its question, and of its answer."""
