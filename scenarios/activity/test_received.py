"""What the hub takes from a report: what is later, up to 59 minutes ahead, and of servers it knows.

Why it matters: the hub cannot ask whether a report is true. A host whose clock is ahead, or a
script that keeps a server alive, decides for how long nobody looks at that server.

Sources:
- REST API documentation, `POST /users/{name}/activity`.
- jupyterhub 6.1.1, apihandlers/users.py, `ActivityAPIHandler`, `_validate_servers`,
  `_parse_timestamp`: what is checked, and with which words it is refused.
- jupyterhub#5102: the two comparisons, of the user's time and of the server's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hublab.scenario import LiveLab, last_activity

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("hub.JupyterHub.last_activity_interval", [0]),
    pytest.mark.matrix("hub.Spawner.environment", [{"JUPYTERHUB_ACTIVITY_INTERVAL": "0"}]),
]
USER, SERVER = "hub_user", "hub_server"
FUTURE = "_parse_timestamp: more than 59 minutes ahead"
TOO_LATE = "more than an hour in the future"


@dataclass(frozen=True, slots=True)
class PostedReport:
    """A report: times in minutes from now, for the user and for each server by name."""

    what: str
    source: str
    status: int
    moves: frozenset[str] = frozenset()
    user: float | None = None
    servers: dict[str, float] | None = None
    zone: str = "Z"
    words: str = ""
    """Of the refusal."""

    def body(self, now: datetime) -> dict[str, Any]:
        """The report as JSON."""

        def time(minutes: float) -> str:
            return (
                f"{(now + timedelta(minutes=minutes)).replace(tzinfo=None).isoformat()}{self.zone}"
            )

        servers = {
            name: {"last_activity": time(minutes)} for name, minutes in (self.servers or {}).items()
        }
        last = {"last_activity": time(self.user)} if self.user is not None else {}
        return {**last, **({"servers": servers} if servers else {})}


# Each time that is taken is later than the ones before: the hub never goes back.
TABLE = [
    PostedReport("earlier", "post: later than the hub's own", 200, user=-60, servers={"": -60}),
    PostedReport("of the server alone", "post: servers", 200, frozenset({SERVER}), servers={"": 1}),
    PostedReport("of the user alone", "post: last_activity", 200, frozenset({USER}), user=2),
    PostedReport("of both", "post", 200, frozenset({USER, SERVER}), user=3, servers={"": 3}),
    PostedReport(
        "without a zone", "naive is UTC", 200, frozenset({SERVER}), servers={"": 4}, zone=""
    ),
    PostedReport("in another zone", "astimezone", 200, frozenset(), servers={"": 5}, zone="+01:00"),
    PostedReport("58 minutes ahead", FUTURE, 200, frozenset({SERVER}), servers={"": 58}),
    PostedReport("59½ minutes ahead", FUTURE, 400, servers={"": 59.5}, words=TOO_LATE),
    PostedReport("of the user, 58 minutes ahead", FUTURE, 200, frozenset({USER}), user=58),
    PostedReport("of the user, 59½ minutes ahead", FUTURE, 400, user=59.5, words=TOO_LATE),
    PostedReport(
        "of both, the user's too far ahead",
        "post: refused before anything is taken",
        400,
        user=59.5,
        servers={"": 58.5},
        words=TOO_LATE,
    ),
    PostedReport(
        "of both, the server unknown",
        "post: refused before anything is taken",
        400,
        user=58.5,
        servers={"": 58.5, "x": 1},
        words="No such server 'x'",
    ),
    PostedReport(
        "of an unknown server",
        "_validate_servers: No such server",
        400,
        servers={"x": 1},
        words="No such server 'x'",
    ),
    PostedReport(
        "of nothing",
        "post: body must contain at least one",
        400,
        words="body must contain at least one of",
    ),
    PostedReport(
        "no time at all",
        "_parse_timestamp: Not a valid timestamp",
        400,
        user=0,
        zone="noon",
        words="Not a valid timestamp",
    ),
]


@pytest.mark.finding(
    "Activity less than an hour ahead is refused as more than an hour ahead",
    project="jupyterhub",
    steps="POST /hub/api/users/alice/activity with a time 59.5 minutes ahead.",
    expected="200; the refusal is of 'activity from more than an hour in the future'.",
    seen="400 with these words: the limit is 59 minutes (apihandlers/users.py, _parse_timestamp).",
)
@pytest.mark.finding(
    "A report of a server's activity is none of its user's",
    project="jupyterhub",
    steps='POST /hub/api/users/alice/activity {"servers": {"": {"last_activity": …}}}.',
    expected="The user's last_activity moves too: it is 'Only needed if this is not activity "
    "associated with using a given server' (REST API documentation).",
    seen="The server's moves and the user's does not.",
)
@pytest.mark.sabotage("hub.snippet", "../changes/takes_any_future.py")
async def test_the_hub_accepts_later_reports_of_servers_it_knows(lab: LiveLab) -> None:
    """The whole table, row by row, on one server."""
    server = await lab.spawn("alice", on="node1")
    times, hub = await last_activity(lab, server), await lab.hub()
    found, messages = {}, {}
    for row in TABLE:
        before = await times.read()
        now = datetime.now(UTC)
        status, answer = await hub.request("POST", "users/alice/activity", json=row.body(now))
        found[row.what] = (status, (await times.read()).moved_since(before) & {USER, SERVER})
        messages[row.what] = (answer or {}).get("message", "")
    assert found == {row.what: (row.status, row.moves) for row in TABLE}
    assert [row.what for row in TABLE if row.words not in messages[row.what]] == []
