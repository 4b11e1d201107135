"""A run as captures, logs and scenarios write it, made without a lab: for tests of the report.

A spawn goes from the client through proxy and hub to a node over SSH; then come the server's check
of the version, the hub's poll and route, the user's way to the server, and the OAuth round. Times
and sizes are made up.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from hublab.journal.events import (
    Diagnosed,
    Event,
    FaultBegun,
    FaultHealed,
    FindingConfirmed,
    LabUp,
    Observed,
    PhaseFailed,
    Restarted,
    RunEnded,
    ScenarioBegun,
    SettingsApplied,
    SpawnProgress,
    Verdict,
)
from hublab.journal.file import Journal
from hublab.journal.hosts import LogLine, ServerState
from hublab.journal.network import ActivityBelieved, CaptureLost, Connection, Exchange

LAB = "made"
NET = "198.19.80"
FILE = "scenarios/cross_host/test_bind_and_connect.py"
TEST = f"{FILE}::test_a_server_on_another_host_is_reached"
CONNECT = "hub.JupyterHub.hub_connect_ip"
IP = "hub.JupyterHub.hub_ip"
MARKUP = "<b>x</b></script><script>document.title='run'</script><!--"
"""What a name or a header may hold; the page must show it as it is."""
BROKEN = {
    "source": "node1",
    "target": "hub",
    "url": "http://127.0.0.1:8081/hub/api",
    "error": "Connection refused",
    "setting": CONNECT,
    "workaround": None,
}
HOSTS = {
    "client": ("client", f"{NET}.5"),
    "proxy": ("proxy", f"{NET}.20"),
    "hub": ("hub", f"{NET}.10"),
    "node1": ("node", f"{NET}.31"),
    "node2": ("node", f"{NET}.32"),
}


def hop(
    source: str, target: str, line: str, status: int | None, seconds: float | None, purpose: str
) -> Exchange:
    """An exchange, to the port on which its target listens."""
    ports = {"proxy": 8000, "hub": 8081}
    method, path = line.split(" ", 1)
    port = 8001 if path.startswith("/api/routes") else ports.get(target, 34813)
    size = 0 if status in (None, 204, 302) else 412
    return Exchange(
        LAB, source, target, port, method, path, status, seconds, 0, size, purpose, target
    )


def log(host: str, text: str, server: str = "") -> LogLine:
    return LogLine(LAB, host, server, text)


def spawn(works: bool) -> list[tuple[float, Event]]:
    """What a spawn of alice on node1 leaves, in seconds since it was asked for."""
    ssh = Connection(LAB, "hub", "node1", 22, "ssh", 1.31, 9120, 5210, "closed", "", "node1")
    refused = Connection(LAB, "node1", "node1", 8081, "tcp", 0.0, 0, 0, "refused", "", "node1")
    said = "this node cannot reach the hub at http://127.0.0.1:8081/hub/api: Connection refused"
    found: list[tuple[float, Event]] = [
        (0.000, hop("client", "proxy", "POST /hub/spawn/alice", 302, 0.09, "spawn")),
        (0.002, hop("proxy", "hub", "POST /hub/spawn/alice", 302, 0.08, "spawn")),
        (0.004, SpawnProgress(LAB, "alice", "", 0, "Server requested")),
        (0.005, ServerState(LAB, "alice", "", "pending start")),
        (0.060, ssh),
        (0.110, SpawnProgress(LAB, "alice", "", 30, "Connected to node1 as alice")),
        (0.160, log("node1", "Accepted publickey for alice from 198.19.80.10 port 51422 ssh2")),
        (0.200, SpawnProgress(LAB, "alice", "", 60, "The server process runs; waiting")),
    ]
    if not works:
        return [
            *found,
            (0.900, log("node1", "[E 2026-11-29 15:00:03.901 alice] Failed to connect to my Hub at "
                 "http://127.0.0.1:8081/hub/api. Is it running?", "alice")),
            (0.901, refused),
            (1.000, log("hub", f"[E 2026-11-29 15:00:04.001 JupyterHub user:1001] {said}")),
            (1.002, SpawnProgress(LAB, "alice", "", 100, f"Spawn failed: {said}")),
            (1.003, ServerState(LAB, "alice", "", "stopped")),
        ]  # fmt: skip
    user = "/user/alice"
    oauth = "/hub/api/oauth2/authorize?client_id=jupyterhub-user-alice&state=[redacted]"
    back = f"{user}/oauth_callback?code=[redacted]&state=[redacted]"
    return [
        *found,
        (0.900, hop("node1", "hub", "GET /hub/api", 200, 0.004, "version")),
        (0.980, log("node1", "[I 2026-11-29 15:00:03.980 ServerApp] Jupyter Server is running at:",
             "alice")),
        (1.020, hop("node1", "hub", "POST /hub/api/users/alice/activity", 200, 0.006, "activity")),
        (1.200, hop("hub", "node1", f"GET {user}/api", 200, 0.003, "poll")),
        (1.220, hop("hub", "proxy", f"POST /api/routes{user}", 201, 0.002, "route")),
        (1.250, SpawnProgress(LAB, "alice", "", 100, "Server ready at /user/alice/")),
        (1.251, ServerState(LAB, "alice", "", "ready", "node1")),
        (1.300, hop("client", "proxy", f"GET {user}/lab", 302, 0.011, "")),
        (1.302, hop("proxy", "node1", f"GET {user}/lab", 302, 0.008, "")),
        (1.330, hop("client", "proxy", f"GET {oauth}", 302, 0.020, "token")),
        (1.332, hop("proxy", "hub", f"GET {oauth}", 302, 0.017, "token")),
        (1.370, hop("client", "proxy", f"GET {back}", 302, 0.040, "token")),
        (1.372, hop("proxy", "node1", f"GET {back}", 302, 0.037, "token")),
        (1.380, hop("node1", "hub", "POST /hub/api/oauth2/token", 200, 0.012, "token")),
        (1.395, hop("node1", "hub", "GET /hub/api/user", 200, 0.006, "token")),
        (1.420, hop("client", "proxy", f"GET {user}/lab", 200, 0.031, "")),
        (1.422, hop("proxy", "node1", f"GET {user}/lab", 200, 0.028, "")),
        (1.450, log("hub", "[I 2026-11-29 15:00:04.450 JupyterHub log:192] 200 GET /hub/api/user "
             "(alice@198.19.80.31) 5.82ms")),
    ]  # fmt: skip


def beliefs(journal: Journal, at: float) -> list[tuple[float, Event]]:
    """What each party says of alice's last activity, two seconds apart."""
    start = datetime.fromisoformat(wall_of(journal)).timestamp()
    found: list[tuple[float, Event]] = []
    for second, (server, proxy, hub) in enumerate(
        [(1.42, 1.42, 1.25), (1.42, 3.1, 1.25), (5.2, 5.2, 3.1)], 1
    ):
        for party, last in (("server", server), ("proxy", proxy), ("hub", hub)):
            moment = datetime.fromtimestamp(start + at + last).astimezone().isoformat()
            found.append((2.0 * second, ActivityBelieved(LAB, party, "alice", "", moment)))
    return found


def wall_of(journal: Journal) -> str:
    return str(json.loads(journal.path.read_text().splitlines()[0])["wall"])


def write_made_run(folder: Path, *, ended: bool = True, secrets: tuple[str, ...] = ()) -> Path:
    """A run of four cases and of a test without a matrix; a case fails: its hub is at loopback."""
    journal = Journal.open(folder / "journal.ndjson", run=folder.name, secrets=secrets)
    write = journal.write
    hosts = tuple({"name": n, "role": r, "address": a} for n, (r, a) in HOSTS.items())
    write(LabUp(LAB, f"{NET}.0/24", hosts, 5.1), t=5.2)
    write(
        ScenarioBegun(
            FILE,
            "`hub_ip` beside `hub_connect_ip`: the hub listens where it is to be called.",
            "with several hosts both are set, one to keep the hub off an interface.",
            ("JupyterHub documentation, `JupyterHub.hub_ip`.", "jupyterhub 6.1.1, objects.py."),
        ),
        t=5.3,
    )
    now = 5.4
    for connect in ("hub", "198.19.80.10", "127.0.0.1", MARKUP):
        now = write_case(journal, now, connect)
    begun = now
    write(SettingsApplied(LAB, "", "d", {}), t=now + 0.1)
    write(FaultBegun("f1", "freeze", ("node1",), {}), t=now + 0.5)
    write(CaptureLost(LAB, "hub", "the ring was full", 214), t=now + 0.7)
    write(hop("client", "proxy", "GET /user/alice/api", 504, 2.0, ""), t=now + 0.8)
    write(FaultHealed("f1", 2.1, {"signals": 4}), t=now + 2.6)
    test = "scenarios/cross_host/test_frozen_node.py::test_a_frozen_node_is_silent"
    if ended:
        write(FindingConfirmed(
            test, "A frozen node's server stays `ready`", "jupyterhub", "Freeze the node.",
            "The hub notices (documentation of poll_interval).", "It stays ready for 30 s."),
            t=now + 2.7)  # fmt: skip
        write(Verdict(test, "", "held", 2.8, claim="A frozen node answers nobody."), t=begun + 2.8)
        write(RunEnded(folder.name), t=begun + 3)
    journal.close()
    return folder


def write_case(journal: Journal, now: float, connect: str) -> float:
    """One case; returns when it ended."""
    write = journal.write
    begun, works = now, connect != "127.0.0.1"
    case = f"{CONNECT}={connect};{IP}=0.0.0.0"
    write(hop("client", "proxy", "GET /hub/api/users", 200, 0.01, "api"), t=now + 2.3)
    write(Restarted(LAB, "hub", "hub", f"case {case}", 2.3), t=now + 2.4)
    write(SettingsApplied(LAB, case, "d", {CONNECT: connect, IP: "0.0.0.0"}), t=now + 2.41)
    now += 2.5
    for at, event in spawn(works):
        write(event, t=now + at)
    if works:
        for at, event in beliefs(journal, now):
            write(event, t=now + at)
        now += 7.0
    write(Observed("request", {
        "asked": {"method": "GET", "url": "http://proxy:8000/user/alice/api"},
        "seen": {"status": 200 if works else 503, "headers": [["x-note", connect]]},
    }), t=now + 1.9)  # fmt: skip
    verdict = Verdict(
        f"{TEST}[{case}]", case, "held" if works else "failed", now + 2.1 - begun,
        claim="A server on another host is reached through the proxy.",
    )  # fmt: skip
    if not works:
        verdict = Verdict(
            verdict.test, case, "failed", verdict.seconds, "assert 503 == 200", verdict.claim,
            "seen.status == 200", "503\nthis node cannot reach the hub at "
            "http://127.0.0.1:8081/hub/api: Connection refused",
            ([f"{FILE}:41", "assert seen.status == 200"],),
        )  # fmt: skip
        write(PhaseFailed(verdict.test, "call"), t=now + 1.95)
        write(Diagnosed(LAB, (BROKEN,)), t=now + 2.0)
    write(verdict, t=now + 2.1)
    return now + 2.2


def write_long_run(folder: Path, cases: int, exchanges: int) -> Path:
    """A run of many cases with so many exchanges each, none of them like another."""
    with Journal.open(folder / "journal.ndjson", run=folder.name) as journal:
        hosts = tuple({"name": n, "role": r, "address": a} for n, (r, a) in HOSTS.items())
        journal.write(LabUp(LAB, f"{NET}.0/24", hosts, 5.1), t=5.0)
        names = list(HOSTS)
        end = 10.0
        for number in range(cases):
            begun = end + 1
            case = f"{CONNECT}=host{number}"
            journal.write(SettingsApplied(LAB, case, "d", {CONNECT: f"host{number}"}), t=begun)
            for n in range(exchanges):
                source, target = names[n % 4], names[(n + 1 + number % 3) % 5]
                line = f"GET /user/user{number}/api/contents/{n * 7919 % 10007}?content={n}"
                status = 503 if n % 97 == 0 else 200
                event = hop(source, target, line, status, 0.001 * (n % 50), "poll" if n % 3 else "")
                journal.write(event, t=begun + 0.1 * n)
            end = begun + 0.1 * exchanges + 1
            outcome = "failed" if number % 50 == 0 else "held"
            journal.write(Verdict(f"{TEST}[{case}]", case, outcome, end - begun), t=end)
        journal.write(RunEnded(folder.name), t=end)
    return folder
