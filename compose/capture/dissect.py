"""Print what is in the ring of one host: HTTP exchanges, other connections, and how far it reaches.

Arguments: the ring's folder, and two times (Unix clock, seconds): what had ended before the first
is left out, and so are packets after the second.
Prints NDJSON without bodies and headers. tshark reassembles and dissects; this script only joins
its lines. From bodies it takes when somebody was active and where the proxy's routes lead, of the
two messages that say so, and nothing else. Addresses stay addresses.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

LISTS = b"\xff"
"""Between the values of a field that a packet has several times. tshark's texts are UTF-8, in which
this byte cannot stand (RFC 3629, 1); any other sign may be part of an address.
"""
ESCAPED = re.compile(r"\\([abefnrtv\\])")
PLAIN = dict(zip("abefnrtv\\", "\a\b\x1b\f\n\r\t\v\\", strict=True))
"""How tshark writes signs that would end a field or a line (epan/print.c, `print_escaped_csv`)."""
FIELDS = (
    *("frame.number", "frame.time_epoch", "_ws.col.protocol", "_ws.col.info"),
    *("ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "icmp.type", "icmpv6.type"),
    *("arp.opcode", "arp.src.proto_ipv4", "arp.dst.proto_ipv4"),
    *("tcp.srcport", "tcp.dstport", "tcp.stream", "tcp.flags", "tcp.len", "tcp.segment"),
    *("tcp.analysis.retransmission", "http.request.method", "http.request.uri"),
    *("http.response.code", "http.request_in", "http.content_length", "http.chunk_size"),
    *("http.file_data", "tls.handshake.extensions_server_name", "tls.alert_message.desc"),
)
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
UNREACHABLE = {"icmp.type": "3", "icmpv6.type": "1"}
"""RFC 792 and RFC 4443: the types of `destination unreachable`."""
REPEATED = 2
"""Packets sent again in vain, after which the other side counts as silent."""


class Frame:
    """The fields of one packet."""

    def __init__(self, line: bytes) -> None:
        self._fields = dict(zip(FIELDS, line.split(b"\t"), strict=False))

    def all(self, name: str) -> list[str]:
        data = self._fields.get(name, b"")
        return [plain(one) for one in data.split(LISTS)] if data else []

    def first(self, name: str, otherwise: str = "") -> str:
        return next(iter(self.all(name)), otherwise)

    @property
    def number(self) -> int:
        return int(self.first("frame.number"))

    @property
    def t(self) -> float:
        return float(self.first("frame.time_epoch"))

    @property
    def ends(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Where it comes from and where it goes; of an ICMP error, those of the packet in it."""
        found = []
        for side, port in (("src", "tcp.srcport"), ("dst", "tcp.dstport")):
            addresses = self.all(f"ip.{side}") or self.all(f"ipv6.{side}")
            found.append((addresses[-1], int(self.all(port)[-1])))
        return found[0], found[1]


def plain(data: bytes) -> str:
    """A value as it was in the packet."""
    return ESCAPED.sub(lambda found: PLAIN[found[1]], data.decode(errors="replace"))


class Exchange:
    """A request, and its answer once that is seen."""

    def __init__(self, frame: Frame, begun: float, method: str, path: str) -> None:
        self.number = frame.number
        self.t, self.method, self.path = begun, method, path
        self.source, self.target = frame.ends
        self.status: int | None = None
        self.seconds: float | None = None
        self.request_bytes = size_of(frame)
        self.response_bytes = 0
        self.activity: dict[str, object] = {}
        if method == "POST" and path.partition("?")[0].endswith("/activity"):
            self.activity = reported(body_of(frame))
        self.routes: dict[str, dict[str, object]] = {}

    def answer(self, frame: Frame, status: int) -> None:
        self.status = status
        self.seconds = max(frame.t - self.t, 0.0)
        self.response_bytes = size_of(frame)
        if self.method == "GET" and self.path.partition("?")[0].endswith("/api/routes"):
            self.routes = table_of(body_of(frame))

    def record(self) -> dict[str, object]:
        return {
            "kind": "exchange",
            "t": self.t,
            "source": self.source,
            "target": self.target,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "seconds": self.seconds,
            "request_bytes": self.request_bytes,
            "response_bytes": self.response_bytes,
            "activity": self.activity,
            "routes": self.routes,
        }


def size_of(frame: Frame) -> int:
    """The bytes of a message's body, as its header or its chunks give them."""
    chunks = frame.all("http.chunk_size")
    return sum(map(int, chunks)) if chunks else int(frame.first("http.content_length", "0"))


def body_of(frame: Frame) -> object:
    """The JSON of a body, None where it is none."""
    try:
        return json.loads(bytes.fromhex(frame.first("http.file_data").replace(":", "")))
    except (ValueError, RecursionError):  # of a body that is nested deeply
        return None


TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?")


def time_in(value: object) -> str | None:
    """A time as JSON has it, None for anything else: a body may say what it likes."""
    return value if isinstance(value, str) and TIME.fullmatch(value) else None


def reported(body: object) -> dict[str, object]:
    """Server -> when it says that it was last active: jupyterhub/singleuser, `notify_activity`."""
    servers = body.get("servers") if isinstance(body, dict) else None
    if not isinstance(servers, dict):
        return {}
    return {
        str(name): time_in(one.get("last_activity"))
        for name, one in servers.items()
        if isinstance(one, dict)
    }


def table_of(body: object) -> dict[str, dict[str, object]]:
    """Path -> target and last activity: configurable-http-proxy's README, `GET /api/routes`."""
    if not isinstance(body, dict):
        return {}
    kept = ("target", "last_activity", "user", "server_name")
    return {
        path: {
            name: time_in(route[name]) if name == "last_activity" else route[name]
            for name in kept
            if name in route
        }
        for path, route in body.items()
        if isinstance(route, dict)
    }


class Connection:
    """A TCP connection, from its first packet in the ring to its last one."""

    def __init__(self, frame: Frame) -> None:
        self.t = self.last = frame.t
        self.source, self.target = frame.ends
        flags = int(frame.first("tcp.flags", "0"), 16)
        self.opened = bool(flags & SYN)
        if (flags & SYN and flags & ACK) or (
            not self.opened and self.source[1] < self.target[1]
        ):  # what a client connects to is the lower port
            self.source, self.target = self.target, self.source
        self.bytes = {self.source: 0, self.target: 0}
        self.heard = {self.source: False, self.target: False}
        self.again = {self.source: 0, self.target: 0}
        self.accepted = False
        self.silent: float | None = None
        """When the first packet was sent again that nobody has answered since."""
        self.protocols: set[str] = set()
        self.end = ""
        self.names: list[str] = []
        self.alerts: list[str] = []
        self.exchanges: list[Exchange] = []
        self.pending: list[Exchange] = []

    def add(self, frame: Frame, times: dict[int, float]) -> None:
        sender, receiver = frame.ends
        self.last = frame.t
        self.protocols.add(frame.first("_ws.col.protocol"))
        flags = int(frame.first("tcp.flags", "0"), 16)
        self.heard[sender] = True
        if frame.all("tcp.analysis.retransmission"):
            self.again[sender] += 1
            self.silent = self.silent or frame.t
        else:
            self.bytes[sender] += int(frame.first("tcp.len", "0"))
            if self.again[receiver]:
                self.again[receiver], self.silent = 0, None
        if flags & RST and not self.end:
            silent = sender == self.target and not any(self.bytes.values())
            self.end = "refused" if self.opened and silent and not self.accepted else "reset"
        elif flags & FIN:
            self.end = "closed"
        if flags & SYN and flags & ACK:
            self.accepted = True
        self.names += frame.all("tls.handshake.extensions_server_name")
        if frame.all("tls.alert_message.desc"):
            info = frame.first("_ws.col.info")
            self.alerts.append(info.rpartition("Description: ")[2].rstrip(")"))
        self.add_http(frame, times)

    def add_http(self, frame: Frame, times: dict[int, float]) -> None:
        parts = [times.get(int(number), frame.t) for number in frame.all("tcp.segment")]
        begun = min([frame.t, *parts])
        for method, path in zip(
            frame.all("http.request.method"), frame.all("http.request.uri"), strict=False
        ):
            exchange = Exchange(frame, begun, method, path)
            self.source, self.target = exchange.source, exchange.target
            self.exchanges.append(exchange)
            self.pending.append(exchange)
        for status in map(int, frame.all("http.response.code")):
            if status < 200 and status != 101:
                continue  # RFC 9110, 15.2: the final answer follows
            asked = frame.first("http.request_in")
            known = [one for one in self.pending if asked and one.number == int(asked)]
            for answered in (known or self.pending)[:1]:
                answered.answer(frame, status)
                self.pending.remove(answered)
                if status == 101:  # a WebSocket begins; what the connection carried before is over
                    self.t = answered.t
                    self.bytes = dict.fromkeys(self.bytes, 0)

    @property
    def answers(self) -> bool:
        """Whether there is anything that a request without a complete answer may have got."""
        return self.bytes.get(self.target, 0) > 0

    @property
    def protocol(self) -> str:
        if any(one.status == 101 for one in self.exchanges):
            return "websocket"
        for prefix, name in (("SSH", "ssh"), ("TLS", "tls"), ("PGSQL", "postgresql")):
            if any(one.startswith(prefix) for one in self.protocols):
                return name
        return "tcp"

    def how_it_ended(self) -> str:
        if self.end:
            return self.end
        if self.opened and not self.heard[self.target]:
            return "unanswered"
        return "unanswered" if max(self.again.values()) >= REPEATED else "open"

    def detail(self) -> str:
        if self.protocol == "websocket":
            return next(one.path for one in self.exchanges if one.status == 101)
        if self.protocol == "tls":
            alerts = [f"alert: {alert}" for alert in dict.fromkeys(self.alerts)]
            return ", ".join([*dict.fromkeys(self.names), *alerts])
        return ""

    def record(self) -> dict[str, object]:
        end = self.how_it_ended()
        return {
            "kind": "connection",
            "t": self.t,
            "last": self.last,
            "source": self.source,
            "target": self.target,
            "protocol": self.protocol,
            "seconds": None if end == "open" else self.last - self.t,
            "sent": self.bytes.get(self.source, 0),
            "received": self.bytes.get(self.target, 0),
            "end": end,
            "detail": self.detail(),
            "exchanges": len(self.exchanges),
            "unanswered": sum(one.status is None for one in self.pending),
            "opened": self.opened,
            "silent": self.silent if end == "unanswered" and all(self.heard.values()) else None,
        }


class Ring:
    """All that the packets of a ring say."""

    def __init__(self) -> None:
        self.times: dict[int, float] = {}
        self.connections: dict[str, Connection] = {}
        self.asked: dict[tuple[str, str], list[float]] = {}
        """ARP requests without an answer: who asked for whom, and when."""

    def add(self, frame: Frame) -> None:
        self.times[frame.number] = frame.t
        if frame.all("arp.opcode"):
            self.add_arp(frame)
        elif any(frame.first(name) == type_ for name, type_ in UNREACHABLE.items()):
            self.add_unreachable(frame)
        elif stream := frame.first("tcp.stream"):
            if stream not in self.connections:
                self.connections[stream] = Connection(frame)
            self.connections[stream].add(frame, self.times)

    def add_begun(self, frame: Frame) -> None:
        """An answer that has begun, for a request that has none that is complete."""
        one = self.connections.get(frame.first("tcp.stream"))
        for waiting in one.pending[:1] if one else []:
            status = int(frame.first("http.response.code", "0"))
            if frame.number > waiting.number and status >= 200:
                waiting.status = status

    def add_arp(self, frame: Frame) -> None:
        pair = frame.first("arp.src.proto_ipv4"), frame.first("arp.dst.proto_ipv4")
        if frame.first("arp.opcode") == "1":
            self.asked.setdefault(pair, []).append(frame.t)
        else:
            self.asked.pop((pair[1], pair[0]), None)

    def add_unreachable(self, frame: Frame) -> None:
        if not frame.all("tcp.srcport"):
            return
        inner = frame.ends
        for one in self.connections.values():
            if (one.source, one.target) == inner and not one.end:
                one.end = "refused"

    def records(self, since: float) -> list[dict[str, object]]:
        found = [one.record() for one in self.connections.values() if one.last >= since]
        exchanges = [one for each in self.connections.values() for one in each.exchanges]
        found += [one.record() for one in exchanges if one.t >= since]
        for (source, target), times in self.asked.items():
            if len(times) >= REPEATED and times[-1] >= since:
                found.append({"kind": "nobody", "t": times[0], "source": source, "target": target})
        return found


def read(files: list[Path], until: float) -> tuple[Ring, str]:
    """Dissect the files of a ring as one; also returns what the tools complained about."""
    ring = Ring()
    problem = dissected(files, until, ring.add) if files else ""
    waiting = {name for name, one in ring.connections.items() if one.pending and one.answers}
    if waiting:
        # tshark shows an answer when it is complete; without reassembly, when it has begun.
        options = ("-o", "http.desegment_body:FALSE", "-Y", "http.response")
        dissected(files, until, ring.add_begun, *options)
    return ring, problem


def dissected(files: list[Path], until: float, take: Callable[[Frame], None], *options: str) -> str:
    """Hand each packet of some files over; returns what the tools complained about."""
    fields = [part for name in FIELDS for part in ("-e", name)]
    tshark = [
        *("tshark", "-n", "-r", "-", "-o", "tcp.try_heuristic_first:TRUE", *options),
        *("-T", "fields", "-E", b"aggregator=" + LISTS, *fields),
    ]
    merge = ["mergecap", "-a", "-F", "pcapng", "-w", "-", *map(str, files)]
    with (
        subprocess.Popen(merge, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as merged,
        subprocess.Popen(
            tshark, stdin=merged.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as shown,
    ):
        assert merged.stdout is not None
        assert merged.stderr is not None
        assert shown.stdout is not None
        assert shown.stderr is not None
        merged.stdout.close()
        for line in shown.stdout:
            frame = Frame(line.rstrip(b"\n"))
            if frame.t <= until:
                take(frame)
        said, of_files = shown.stderr.read(), merged.stderr.read()
    # mergecap reads what there is of a file that is cut, says so, and does not fail.
    known = of_files + (said if shown.returncode or merged.returncode else b"")
    return known.decode(errors="replace").strip()[-500:]


def main() -> None:
    folder, since, until = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    files = sorted(folder.glob("ring_*.pcapng"))
    # A file that was complete before that time has nothing that is wanted.
    wanted = [path for path in files if path.stat().st_mtime >= since]
    ring, problem = read(wanted, until)
    for record in ring.records(since):
        print(json.dumps(record))
    times = ring.times.values()
    summary = {
        "kind": "ring",
        "first": min(times, default=None),
        "frames": len(times),
        "overwritten": bool(files) and "_00001_" not in files[0].name,
        "bytes": sum(path.stat().st_size for path in files),
        "problem": problem,
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    os.nice(5)  # whoever is being watched comes first
    main()
