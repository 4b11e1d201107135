"""`hublab capture`: who talked to whom when a server on another host was started and used.

The order is JupyterHub's: `User.spawn` has the spawner start the server, waits until it answers at
`api` (jupyterhub/user.py, `_wait_up`), and then adds its route (`Proxy.add_user`); the server asks
for the hub's version before it reports activity (jupyterhub/singleuser/extension.py). The round of
OAuth is RFC 6749's, 4.1: authorize, callback, token, and who it is.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from captured_visit import CLOSED, Visit, forms, nobody, visit
from lifecycle import HUBLAB, Running, hublab, lab_for_a_test, wait

from hublab.capture.capture import Capture
from hublab.capture.image import capture_image
from hublab.capture.recording import cleaner
from hublab.capture.ring import FILE_KB, FILES
from hublab.engine import Engine
from hublab.journal.events import Note
from hublab.journal.file import read_journal
from hublab.journal.network import CaptureLost, Connection, Exchange
from hublab.paths import labs_folder
from hublab.progress import silent
from hublab.running.lab import Lab

LOGGED_BY_PROXY = re.compile(r"info\S*: (\d{3}) (GET|POST|DELETE) (/api/\S+)")


@dataclass
class Captured:
    """The lab, the visit, and what the command printed and wrote."""

    lab: Lab
    visit: Visit
    said: str
    events: list[dict[str, Any]]
    files: dict[str, bytes]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]

    def first(self, source: str, target: str, purpose: str) -> dict[str, Any]:
        """The first exchange of a purpose on a hop."""
        hop = (source, target, purpose)
        return next(
            one
            for one in self.of("exchange")
            if (one["source"], one["target"], one["purpose"]) == hop
        )

    def connections(self, source: str, target: str, port: int) -> list[dict[str, Any]]:
        hop = (source, target, port)
        return [
            one
            for one in self.of("connection")
            if (one["source"], one["target"], one["port"]) == hop
        ]


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    """A visit under capture, ended by Ctrl-C."""
    folder = tmp_path_factory.mktemp("captured")
    har, packets = folder / "visit.har", folder / "packets"
    with lab_for_a_test() as name:
        lab = Lab.find(name, Engine.connect())
        options = ("--har", str(har), "--pcap", str(packets), "--json", "--name", name)
        running = Running(*HUBLAB, "capture", *options)
        running.wait_for("capturing on all hosts")
        done = asyncio.run(visit(lab))
        assert running.end(signal.SIGINT) == 0, running.said
        printed, _ = json.JSONDecoder().raw_decode(running.said[running.said.index("{\n") :])
        files = {path.name: path.read_bytes() for path in (har, *packets.iterdir())}
        yield Captured(lab, done, running.said, printed["events"], files)


def test_a_spawn_is_seen_in_order_on_every_hop(captured: Captured) -> None:
    """Each step begins after the one before; activity is reported after the version check."""
    (ssh, *_) = [one for one in captured.connections("hub", "node1", 22) if one["sent"]]
    steps = [
        captured.first("client", "proxy", "spawn"),
        captured.first("proxy", "hub", "spawn"),
        ssh,
        captured.first("node1", "hub", "version"),
        captured.first("hub", "node1", "poll"),
        captured.first("hub", "proxy", "route"),
        captured.first("client", "proxy", "page"),
        captured.first("proxy", "node1", "page"),
        captured.first("client", "proxy", "authorize"),
        captured.first("proxy", "hub", "authorize"),
        captured.first("client", "proxy", "callback"),
        captured.first("proxy", "node1", "callback"),
        captured.first("node1", "hub", "token"),
        captured.first("node1", "hub", "identify"),
    ]
    times = [step["t"] for step in steps]
    assert times == sorted(times)
    assert captured.first("node1", "hub", "activity")["t"] > steps[3]["t"]
    assert ssh["protocol"] == "ssh"
    hops = {(step["target"], step["port"]) for step in steps}
    port = captured.visit.server.port
    assert hops == {
        *(("proxy", 8000), ("proxy", 8001), ("hub", 8081), ("node1", 22), ("node1", port))
    }
    assert {step["status"] for step in steps if "status" in step} == {200, 201, 302}


def test_no_hop_is_seen_twice_and_its_ends_agree(captured: Captured) -> None:
    spawns = [
        (one["source"], one["target"])
        for one in captured.of("exchange")
        if one["purpose"] == "spawn"
    ]
    assert spawns == [("client", "proxy"), ("proxy", "hub")]
    assert captured.of("capture_lost") == []
    # The partition: packets arrive at the host that drops them, and no answer comes back.
    assert [note["text"] for note in captured.of("note")] == []


def test_the_hubs_log_has_the_same_requests(captured: Captured) -> None:
    """All that the visit asks for is logged (jupyterhub/log.py, `log_request`)."""
    logged = Counter(
        (one.status, one.method, one.path.partition("?")[0]) for one in captured.visit.logged
    )
    assert {(201, "POST", "/hub/api/users/alice/server"), (200, "GET", "/hub/api")} <= set(logged)
    seen = Counter(
        (one["status"], one["method"], one["path"].partition("?")[0])
        for one in captured.of("exchange")
        if (one["target"], one["port"]) == ("hub", 8081)
    )
    assert seen == logged


def test_the_proxys_log_has_the_same_requests_to_its_api(captured: Captured) -> None:
    """configurable-http-proxy logs `status method path` of its API (lib/configproxy.js)."""
    log = captured.lab.engine.logs(captured.lab.one("proxy").id)
    logged = [(int(status), method, path) for status, method, path in LOGGED_BY_PROXY.findall(log)]
    seen = [
        (one["status"], one["method"], one["path"])
        for one in captured.of("exchange")
        if (one["target"], one["port"]) == ("proxy", 8001)
    ]
    assert seen == logged[-len(seen) :]
    assert (201, "POST", "/api/routes/user/alice") in seen


def test_who_believes_what_is_seen(captured: Captured) -> None:
    believed = {one["party"]: one for one in captured.of("activity") if one["user"] == "alice"}
    assert set(believed) == {"server", "proxy"}
    assert all(datetime.fromisoformat(one["last"]).tzinfo for one in believed.values())
    (*_, table) = captured.of("routes")
    server = captured.visit.server
    address = captured.lab.host("node1").address
    assert table["routes"] == {
        "/": "http://hub:8081",
        "/user/alice": f"http://{address}:{server.port}",
    }


def test_a_websocket_shows_its_path(captured: Captured) -> None:
    hops = [
        (one["source"], one["target"], re.sub("[0-9a-f-]{36}", "ID", one["detail"]))
        for one in captured.of("connection")
        if one["protocol"] == "websocket"
    ]
    path = "/user/alice/api/kernels/ID/channels"
    assert sorted(set(hops)) == [("client", "proxy", path), ("proxy", "node1", path)]


def test_what_was_refused_and_what_nobody_answered(captured: Captured) -> None:
    """A closed port refuses (RFC 9293, 3.10.7.1), a network that is cut says nothing, and where no
    host has an address the kernel asks for it in vain (arp(7)).
    """
    refused = captured.connections("client", "hub", CLOSED)
    assert [one["end"] for one in refused] == ["refused"]
    absent = [one for one in captured.of("connection") if one["target"] == nobody(captured.lab)]
    assert [(one["source"], one["end"]) for one in absent] == [("client", "unanswered")]
    assert "no host has the address" in absent[0]["detail"]
    cut = [one for one in captured.connections("hub", "node2", 22) if not one["sent"]]
    assert [one["end"] for one in cut] == ["unanswered"]


def test_no_secret_and_no_body_leaves_a_host(captured: Captured) -> None:
    journal = min((labs_folder() / captured.lab.name).glob("*-capture.ndjson"))
    assert len(captured.of("exchange")) == len(
        [one for one in read_journal(journal) if isinstance(one.event, Exchange)]
    )
    places = {
        "the command's output": captured.said.encode(),
        "the journal": journal.read_bytes(),
        **captured.files,
    }
    assert {"visit.har", "client.pcapng", "hub.pcapng", "node1.pcapng"} <= set(places)
    planted = captured.visit.planted | {
        f"secret {number}": one for number, one in enumerate(captured.lab.secrets())
    }
    assert len(planted) > 10
    found = [
        f"{name} in {place}"
        for place, content in places.items()
        for name, secret in planted.items()
        for form in forms(secret)
        if form in content
    ]
    assert found == []
    assert "token=[redacted]" in captured.said


def test_exported_packets_are_headers_and_say_so(captured: Captured) -> None:
    for name, content in captured.files.items():
        if name.endswith(".pcapng"):
            assert b"hublab cut the payload of every packet off" in content
            assert b"HTTP/1.1" not in content
            assert b"/user/alice" not in content


ENTRY = {
    "startedDateTime": str,
    "time": (int, float),
    "request": {
        "method": str,
        "url": str,
        "httpVersion": str,
        "cookies": list,
        "headers": list,
        "queryString": list,
        "headersSize": int,
        "bodySize": int,
    },
    "response": {
        "status": int,
        "statusText": str,
        "httpVersion": str,
        "cookies": list,
        "headers": list,
        "content": {"size": int, "mimeType": str},
        "redirectURL": str,
        "headersSize": int,
        "bodySize": int,
    },
    "cache": {},
    "timings": {"send": (int, float), "wait": (int, float), "receive": (int, float)},
}
"""What HAR 1.2 requires of an entry (w3c.github.io/web-performance/specs/HAR/Overview.html)."""


def missing(value: Any, required: Any, where: str) -> list[str]:
    """The fields that are missing or of another type."""
    if not isinstance(required, dict):
        return [] if isinstance(value, required) else [where]
    return [
        problem
        for name, kind in required.items()
        for problem in (missing(value[name], kind, f"{where}.{name}") if name in value else [name])
    ]


def test_the_har_has_what_the_specification_requires(captured: Captured) -> None:
    log = json.loads(captured.files["visit.har"])["log"]
    assert log["version"] == "1.2"
    assert {"name", "version"} <= set(log["creator"])
    assert len(log["entries"]) == len(captured.of("exchange"))
    assert [problem for one in log["entries"] for problem in missing(one, ENTRY, "entry")] == []
    assert all(datetime.fromisoformat(one["startedDateTime"]).tzinfo for one in log["entries"])


def left_beside(lab: Lab) -> list[str]:
    """Rings, and programs that write them, in the containers beside a lab's hosts."""
    found = []
    for one in lab.engine.containers(lab.name):
        if "-capture-" in one.name:
            found += lab.engine.exec(one.id, ["ls", "/dev/shm"]).stdout.split()
            commands = lab.engine.commands(one.id).values()
            found += [command for command in commands if command.startswith("dumpcap")]
    return found


def test_nothing_is_left_of_a_capture(captured: Captured) -> None:
    containers = [one.name for one in captured.lab.engine.containers(captured.lab.name)]
    assert len([name for name in containers if "-capture-" in name]) == 5
    assert left_beside(captured.lab) == []


def test_nothing_is_left_of_a_capture_that_was_killed(captured: Captured) -> None:
    """The guard removes the rings; until then they are there."""
    running = Running(*HUBLAB, "capture", "--host", "hub", "--name", captured.lab.name)
    running.wait_for("capturing on hub")
    assert len(left_beside(captured.lab)) == 2
    running.end(signal.SIGKILL)
    wait(lambda: not left_beside(captured.lab), 30, lambda: str(left_beside(captured.lab)))


def test_what_a_full_ring_could_not_hold_is_said(captured: Captured) -> None:
    """Twice as much is sent as a ring holds; its newest part is still read."""
    lab = captured.lab
    size = 2 * FILES * FILE_KB * 1000
    capture = Capture.begin(lab, capture_image(lab, silent), ("hub", "node1"))
    try:
        sending = threading.Thread(target=in_network_of, args=(lab, "node1", SEND, size))
        sending.start()
        address = str(lab.host("node1").address)
        got = in_network_of(lab, "hub", RECEIVE, address)
        sending.join()
        assert int(got) == size
        happened = capture.read(capture.begun, cleaner(()))
    finally:
        capture.remove()
    losses = [one.event for one in happened if isinstance(one.event, CaptureLost)]
    full = [one for one in losses if one.reason.startswith("the ring was full")]
    # On a busy machine an end may have had no time for so many that the rest did not fill its ring.
    assert {one.host for one in losses} == {"hub", "node1"}, losses
    assert full, losses
    assert all(0 < one.data["bytes"] <= FILES * FILE_KB * 1100 for one in full)
    assert all(one.data["seconds"] > 0 for one in full)
    (transfer,) = [
        one.event
        for one in happened
        if isinstance(one.event, Connection) and one.event.port == TRANSFER
    ]
    assert (transfer.source, transfer.target, transfer.end) == ("hub", "node1", "closed")
    assert 0 < transfer.received < size


def test_the_last_packets_are_in_it(captured: Captured) -> None:
    """A capture that ends as soon as an answer is there has that answer, on both hosts."""
    lab = captured.lab
    capture = Capture.begin(lab, capture_image(lab, silent), ("client", "proxy"))
    try:
        lab.output("client", "curl", "--silent", "http://proxy:8000/hub/health")
        happened = capture.read(capture.begun, cleaner(()))
    finally:
        capture.remove()
    answers = [
        (one.event.source, one.event.target, one.event.status)
        for one in happened
        if isinstance(one.event, Exchange) and one.event.purpose == "health"
    ]
    assert answers == [("client", "proxy", 200), ("proxy", "hub", 200)]
    assert [one.event for one in happened if isinstance(one.event, CaptureLost | Note)] == []


def test_an_answer_that_goes_on_has_a_status_and_no_time(captured: Captured) -> None:
    """As the stream of a spawn's progress has, while the spawn hangs."""
    lab = captured.lab
    capture = Capture.begin(lab, capture_image(lab, silent), ("client", "node1"))
    answering = threading.Thread(target=in_network_of, args=(lab, "node1", TALK, ""))
    answering.start()
    try:
        address = str(lab.host("node1").address)
        in_network_of(lab, "client", LISTEN, address)
        happened = capture.read(capture.begun, cleaner(()))
    finally:
        capture.remove()
        in_network_of(lab, "client", HANG_UP, address)
        answering.join()
    (endless,) = [
        one.event
        for one in happened
        if isinstance(one.event, Exchange) and one.event.path == "/endless"
    ]
    assert (endless.source, endless.target) == ("client", "node1")
    assert (endless.status, endless.seconds) == (200, None)
    assert [one.event for one in happened if isinstance(one.event, CaptureLost | Note)] == []


TRANSFER = 9998
SEND = f"""
import socket, sys
with socket.create_server(("0.0.0.0", {TRANSFER})) as server:
    connection, _ = server.accept()
    with connection:
        connection.sendall(bytes(int(sys.argv[1])))
"""
RECEIVE = f"""
import socket, sys, time
end = time.monotonic() + 30
while True:
    try:
        connection = socket.create_connection((sys.argv[1], {TRANSFER}))
        break
    except ConnectionRefusedError:
        if time.monotonic() > end:
            raise
        time.sleep(0.1)
got = 0
while piece := connection.recv(1 << 20):
    got += len(piece)
print(got)
"""


CONNECT = RECEIVE.partition("got = 0")[0]
TALK = f"""
import socket
with socket.create_server(("0.0.0.0", {TRANSFER})) as server:
    talking, _ = server.accept()
    talking.recv(4096)
    talking.sendall(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
    talking.sendall(b"5\\r\\nhello\\r\\n")
    server.accept()
"""
"""An answer without an end, until somebody connects once more."""
LISTEN = (
    CONNECT
    + """
import os
connection.sendall(b"GET /endless HTTP/1.1\\r\\nHost: node1\\r\\n\\r\\n")
connection.recv(4096)
if os.fork() == 0:
    os.setsid()
    for number in (0, 1, 2):
        os.close(number)
    connection.recv(4096)
os._exit(0)
"""
)
"""Ask, and have a program go on listening."""
HANG_UP = CONNECT


def in_network_of(lab: Lab, host: str, script: str, argument: object) -> str:
    """What a script prints in a host's network."""
    argv = ["python3", "-c", script, str(argument)]
    done = lab.engine.exec(lab.sidecar(host), argv)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_a_host_that_does_not_exist_is_refused(captured: Captured) -> None:
    done = hublab("capture", "--host", "nohost", "--name", captured.lab.name)
    assert done.returncode == 64
    assert "has no host nohost" in done.stderr
    assert "one of client, hub" in done.stderr
