"""What probes saw gets into the journal: once each, as JSON, and without secrets."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from yarl import URL

import hublab.probes
from hublab.errors import HubError, Undecided
from hublab.journal.events import Observed
from hublab.journal.redaction import Redactor
from hublab.probes import http, listening, routes
from hublab.probes.credentials import Credentials
from hublab.probes.http import answer_without_body, ask
from hublab.probes.observation import (
    MOST_ITEMS,
    MOST_OF_A_WAIT,
    observed,
    plain,
    record,
    unrecorded,
)
from hublab.probes.server_states import watch_states
from hublab.probes.waiting import until
from hublab.running.live import LiveLab
from hublab.running.raw_http import Answer, Ask

FOLDER = Path(hublab.probes.__path__[0])
NOT_OBSERVATIONS = {
    # Waits, which probes end: what is polled records itself.
    ("routes", "until_no_user_route"),
    ("server_states", "until_state"),
    ("server_states", "until_ready"),
    # Record when their block ends, or as they are read.
    ("activity_reports", "record_reports"),
    ("last_activity", "last_activity"),
    ("page_requests", "page_at"),
    ("server_states", "watch_states"),
    # A stream of its own.
    ("events", "watch_events"),
    # Who asks, and one request as part of a probe.
    ("credentials", "credentials"),
    ("cross_origin", "callers"),
    ("cross_origin", "call"),
    ("node_log", "last_server_log"),
    # Parts of a probe in the same module.
    ("activity", "known_routes"),
    ("activity", "clock"),
    ("activity", "ask"),
    ("http", "through_redirects"),
    ("http", "send_as"),
    ("reach", "try_all"),
    ("route_beliefs", "tables_if_readable"),
    ("snapshot", "servers_then_routes"),
    ("snapshot", "known_servers"),
    ("snapshot", "known_routes"),
    ("websocket", "open_and_listen"),
}
"""Functions with a lab that return no observation of their own."""


class FakeLive:
    """Keeps what is recorded, and stands for a lab in which this is so."""

    def __init__(self, **more: Any) -> None:
        self.events: list[Observed] = []
        self.lab = SimpleNamespace(**more)
        self.journal = self
        self.origin = URL("http://proxy:8000/")
        self.channel = SimpleNamespace(socks_url="")

    def record(self, event: Observed) -> None:
        self.events.append(event)

    @property
    def probes(self) -> list[str]:
        return [event.probe for event in self.events]

    @property
    def text(self) -> str:
        return json.dumps([event.data for event in self.events])


@observed("number", lambda number: {"number": number})
async def number(live: LiveLab, wanted: int, *, hidden: bytes = b"") -> int:
    if wanted < 0:
        raise Undecided("there is no such number", where="here")
    return wanted


@observed("two_numbers")
async def two_numbers(live: LiveLab) -> list[int]:
    return list(await asyncio.gather(number(live, 1), number(live, 2)))


def fake() -> Any:
    return FakeLive()


def coroutines_with_a_lab() -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                first = node.args.args[0].annotation if node.args.args else None
                if isinstance(first, ast.Name) and first.id == "LiveLab":
                    yield path.stem, node


def records(node: ast.AsyncFunctionDef) -> bool:
    """Whether it is decorated, or opens a block, that records."""
    calls = [call for call in ast.walk(node) if isinstance(call, ast.Call)]
    names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    return bool(names & {"observed", "observing", "observing_request"})


def test_each_probe_records_its_observation() -> None:
    found = {(module, node.name): records(node) for module, node in coroutines_with_a_lab()}
    assert {key for key, recorded in found.items() if not recorded} == NOT_OBSERVATIONS
    assert sum(found.values()) > 20


def test_the_journal_gets_what_was_asked_and_what_was_seen() -> None:
    live = fake()
    assert asyncio.run(number(live, 3, hidden=b"body")) == 3
    (event,) = live.events
    assert (event.probe, event.data) == ("number", {"asked": {"wanted": 3}, "seen": {"number": 3}})


def test_the_journal_gets_why_nothing_was_seen() -> None:
    live = fake()
    with pytest.raises(Undecided):
        asyncio.run(number(live, -1))
    (event,) = live.events
    assert event.data == {"asked": {"wanted": -1}, "error": "there is no such number"}


def test_a_probe_records_for_the_probes_within_it() -> None:
    live = fake()
    asyncio.run(two_numbers(live))
    assert live.probes == ["two_numbers"]
    asyncio.run(number(live, 1))
    assert live.probes == ["two_numbers", "number"]


def three_of(seen: list[Any]) -> Any:
    async def enough() -> bool:
        return len(seen) >= 3

    return enough


@pytest.mark.parametrize("comes", [True, False])
def test_a_wait_records_the_last_answer_to_each_question(comes: bool) -> None:
    """Also a wait that ends in vain."""
    live, asked = fake(), []

    async def third() -> bool:
        asked.append(await two_numbers(live))
        await number(live, 7)
        return comes and len(asked) == 3

    async def wait() -> None:
        seconds = 10.0 if comes else 0.05
        await until(third, what="the third", seconds=seconds, poll=0.01)

    with contextlib.nullcontext() if comes else pytest.raises(Undecided):
        asyncio.run(wait())
    assert len(asked) >= 3
    assert live.probes == ["two_numbers", "number"]


def test_a_wait_that_asks_another_question_each_time_records_the_last_ones() -> None:
    live, wanted = fake(), iter(range(100))

    async def hundredth() -> bool:
        return await number(live, next(wanted)) == 99

    asyncio.run(until(hundredth, what="the hundredth", poll=0))
    assert [event.data["asked"]["wanted"] for event in live.events] == list(
        range(100 - MOST_OF_A_WAIT, 100)
    )


def test_polling_one_thing_records_it_once() -> None:
    live, seen = fake(), iter([1, 2, 3])

    @observed("next")
    async def following(live: LiveLab) -> int:
        return next(seen)

    async def third() -> bool:
        return await following(live) == 3

    async def outer() -> bool:
        return await until(third, what="the third", poll=0)

    asyncio.run(until(outer, what="a wait within a wait"))
    assert [event.data["seen"] for event in live.events] == [3]
    record(live, "after", {"asked": {}})
    assert live.probes == ["next", "after"]


def test_a_task_that_outlives_its_wait_still_records() -> None:
    live, tasks = fake(), []

    async def later(go: asyncio.Event) -> None:
        await go.wait()
        await number(live, 5)

    async def work() -> None:
        go = asyncio.Event()

        async def begun() -> bool:
            tasks.append(asyncio.create_task(later(go)))
            return True

        await until(begun, what="a task")
        assert live.events == []
        go.set()
        await tasks[0]

    asyncio.run(work())
    assert live.probes == ["number"]


def test_what_another_records_as_a_whole_is_not_recorded() -> None:
    live = fake()

    async def work() -> None:
        with unrecorded():
            await number(live, 1)

    asyncio.run(work())
    assert live.events == []


def test_an_observation_is_json_of_bearable_size() -> None:
    value = {1: {"b", "a"}, "body": b"abc", "many": range(3), "error": HubError("no")}
    assert plain(value, Redactor(())) == {
        "1": ["a", "b"],
        "body": "3 bytes",
        "many": "range(0, 3)",
        "error": "no",
    }
    many = plain(list(range(MOST_ITEMS + 2)), Redactor(()))
    assert (len(many), many[-1]) == (MOST_ITEMS + 1, "and 2 more")
    assert len(plain("x" * 10_000, Redactor(()))) < 5000


ANSWER = Answer(
    302,
    "Found",
    "http://proxy:8000/hub/login?token=in-the-url",
    (
        ("Set-Cookie", "session=in-a-cookie; Path=/; HttpOnly"),
        ("Location", "/hub/oauth?code=in-a-code&next=/hub/home"),
        ("X-Echo", "the-users-token"),
    ),
    b"in-the-body",
)


def test_a_request_is_recorded_without_what_is_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of headers and cookies stay; values that sign somebody in, and bodies, do not."""
    monkeypatch.setattr(http, "send", lambda *given: ANSWER)
    live = fake()
    jar = aiohttp.DummyCookieJar
    wanted = Ask(
        "/hub/login?_xsrf=in-the-query&next=/x",
        "POST",
        (("Authorization", "token typed-by-hand"), ("Cookie", "a=typed-cookie"), ("Accept", "*")),
        b"password=in-the-form",
    )

    async def work() -> None:
        await ask(
            live,
            wanted,
            Credentials(jar(), {"Authorization": "token the-users-token"}, "the-users-token"),
        )

    asyncio.run(work())
    (event,) = live.events
    assert event.probe == "request"
    assert event.data["asked"]["method"] == "POST"
    assert event.data["asked"]["url"].endswith("&next=/x")
    assert event.data["asked"]["headers"][2] == ["Accept", "*"]
    assert event.data["asked"]["carries"] == ["Authorization"]
    assert event.data["seen"]["status"] == 302
    assert event.data["seen"]["headers"][0] == [
        "Set-Cookie",
        "session=[redacted]; Path=/; HttpOnly",
    ]
    for secret in ("in-the-", "in-a-", "typed", "the-users-token"):
        assert secret not in live.text, secret
    assert answer_without_body(ANSWER)["bytes"] == len(b"in-the-body")


def test_routes_and_sockets_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two probes of the package, as a scenario calls them."""
    table = {"/": {"target": "http://hub:8081", "hub": True}}

    async def proxy_api_of(live: LiveLab) -> Any:
        return SimpleNamespace(table=lambda: table)

    monkeypatch.setattr(routes, "proxy_api_of", proxy_api_of)
    monkeypatch.setattr(listening, "ask", lambda live, host: [listening.Socket("0.0.0.0", 22)])
    live = fake()
    asyncio.run(routes.proxy_routes(live))
    asyncio.run(listening.listening(live, "node1"))
    assert [event.data for event in live.events] == [
        {"asked": {}, "seen": table},
        {"asked": {"host": "node1"}, "seen": [{"address": "0.0.0.0", "port": 22}]},
    ]


def test_a_watch_records_the_states_and_not_each_question() -> None:
    states = iter([None, {"pending": "spawn", "ready": False, "stopped": False}])

    class Hub:
        async def get(self, path: str, *allowed: int) -> Any:
            return next(states, {"pending": None, "ready": True, "stopped": False})

    live = fake()

    async def hub() -> Hub:
        return Hub()

    live.hub = hub

    async def work() -> None:
        async with watch_states(live, "alice") as seen:
            await until(three_of(seen), what="three states", poll=0.01)

    asyncio.run(work())
    (event,) = live.events
    assert event.probe == "server_states"
    assert [state for _, state in event.data["seen"]] == ["stopped", "spawn", "ready"]
