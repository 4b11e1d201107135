"""The activity that a single-user server reports to the hub, recorded on its own node on the way.

A server posts to JUPYTERHUB_ACTIVITY_URL (jupyterhub/singleuser/extension.py, `notify_activity`).
One that is to post to `RECORDER_URL` finds a small forwarder on its node, which notes each post
and the hub's answer. The credentials pass through it and are not noted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from hublab.probes.observation import observing
from hublab.running.live import LiveLab
from hublab.settings.image_software import PYTHON

PORT = 9900
RECORDER_URL = f"http://127.0.0.1:{PORT}/users/{{user}}/activity"
FORWARD = """
import http.server, json, sys, time, urllib.error, urllib.request
hub, port, notes = sys.argv[1], int(sys.argv[2]), sys.argv[3]
class Forward(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        at = time.time()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kept = {n: self.headers[n] for n in ("Authorization", "Content-Type") if self.headers[n]}
        try:
            request = urllib.request.Request(hub + self.path, body, kept, method="POST")
            with urllib.request.urlopen(request) as answer:
                status = answer.status
        except urllib.error.HTTPError as refusal:
            status = refusal.code
        except OSError:
            status = 502
        with open(notes, "a") as file:
            note = {"at": at, "path": self.path, "body": json.loads(body), "status": status}
            print(json.dumps(note), file=file)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *anything):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Forward).serve_forever()
"""
BEGIN = 'nohup "$@" >/dev/null 2>&1 </dev/null & echo $!'


@dataclass(frozen=True, slots=True)
class ActivityReport:
    """One post: when it came, by the node's clock, and what the hub answered."""

    at: float
    path: str
    body: dict[str, Any]
    status: int


class Recorder:
    """Notes the reports of the servers on one node. Use `record_reports`."""

    def __init__(self, live: LiveLab, host: str, notes: str) -> None:
        self._live = live
        self._host = host
        self._notes = notes

    async def reports(self) -> list[ActivityReport]:
        """All until now, in the order in which the hub answered them."""
        with observing(self._live, "activity_reports", {"host": self._host}) as saw:
            done = await asyncio.to_thread(self._live.lab.run, self._host, "cat", self._notes)
            found = [ActivityReport(**json.loads(line)) for line in done.stdout.splitlines()]
            saw([{"at": one.at, "path": one.path, "status": one.status} for one in found])
            return found


@contextlib.asynccontextmanager
async def record_reports(live: LiveLab, host: str, *, account: str) -> AsyncIterator[Recorder]:
    """Forward and note what servers on a node post to `RECORDER_URL`, as one of its accounts.

    The account is to be none whose servers are recorded.
    """
    hub = await live.hub()
    notes = f"/home/{account}/reports.ndjson"
    argv = ["sh", "-c", BEGIN, "-", PYTHON, "-c", FORWARD, str(hub.url), str(PORT), notes]
    pid = (await live.run(host, *argv, user=account)).strip()
    try:
        yield Recorder(live, host, notes)
    finally:
        script = 'kill "$1"; rm -f "$2"'
        await asyncio.to_thread(
            lambda: live.lab.run(host, "sh", "-c", script, "-", pid, notes, user=account)
        )
