"""The lines of `events` as a person reads them."""

from __future__ import annotations

import re
from typing import Any

from hublab.running.servers import server_label

POLLS = {
    "client": re.compile(
        r"^(Accepted publickey for|Disconnected from user) visitor |^Received disconnect from |"
        r"^connect_to \S+ port \d+: failed"
    ),
    "hub": re.compile(r"200 GET \S*/api(/\S*)? \(hublab@"),
    "proxy": re.compile(r"200 GET /api/routes\s*$"),
}
"""Role -> what the questions of any `hublab` command leave in the log of such a host.

They come from the client host, to which each command signs in.
"""


def is_poll(line: dict[str, Any], roles: tuple[str, ...]) -> bool:
    """Whether a line tells of hublab's own questions; `roles` are those of its host."""
    text = str(line.get("line", ""))
    return line["source"] == "log" and any(
        role in POLLS and POLLS[role].search(text) for role in roles
    )


def in_words(line: dict[str, Any], width: int) -> str:
    """One line: the time of day, where, in `width` columns, and what."""
    where = line.get("host") or line["source"]
    return f"{line['at'][11:23]:<12} {where:<{width}} {what(line)}"


def what(line: dict[str, Any]) -> str:
    """What happened, without time and host; a log's line has a bar before it."""
    event, before = line.get("event"), line.get("before")
    match line["source"]:
        case "log":
            return f"| {line['line']}"
        case "container":
            code, signal = line.get("exit_code"), line.get("signal")
            more = f", exit code {code}" if code is not None else ""
            return f"* container: {event}{more}{f', signal {signal}' if signal else ''}"
        case "route" if event == "removed":
            return f"* {line['path']} leads to {before} no more"
        case "route":
            instead = f", before to {before}" if before else ""
            return f"* {line['path']} leads to {line['target']} now{instead}"
        case "server":
            label = server_label(line["user"], line["name"])
            return f"* {label}'s server: {event}{f', before {before}' if before else ''}"
        case _:
            reason = line.get("reason")
            return f"* {event}{f': {reason}' if reason else ''}"
