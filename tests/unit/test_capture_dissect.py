"""The script beside a host joins tshark's lines to exchanges and connections.

What a connection's packets mean is RFC 9293's: SYN opens, FIN closes, RST refuses or resets.
"""

from __future__ import annotations

import importlib.util
import json
from itertools import count
from types import ModuleType
from typing import Any

from hublab.paths import COMPOSE

CLIENT, SERVER = ("198.18.0.5", 40000), ("198.18.0.10", 8081)
FLAGS = {"S": 0x02, "SA": 0x12, "A": 0x10, "F": 0x11, "R": 0x04}


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dissect", COMPOSE / "capture" / "dissect.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


dissect = script()
LISTS = dissect.LISTS.decode(errors="surrogateescape")


class Wire:
    """Packets as tshark would print them, a millisecond apart."""

    def __init__(self) -> None:
        self.ring = dissect.Ring()
        self.numbers = count(1)

    def packet(self, **fields: Any) -> int:
        number = next(self.numbers)
        known = {"frame.number": number, "frame.time_epoch": 1000 + number / 1000}
        given = {name.replace("__", "."): value for name, value in fields.items()} | known
        line = "\t".join(str(given.get(name, "")) for name in dissect.FIELDS)
        self.ring.add(dissect.Frame(line.encode(errors="surrogateescape")))
        return number

    def tcp(
        self, sender: tuple[str, int], flags: str, length: int = 0, stream: int = 0, **fields: Any
    ) -> int:
        receiver = SERVER if sender == CLIENT else CLIENT
        return self.packet(
            ip__src=sender[0],
            ip__dst=receiver[0],
            tcp__srcport=sender[1],
            tcp__dstport=receiver[1],
            tcp__stream=stream,
            tcp__flags=hex(FLAGS[flags]),
            tcp__len=length,
            **fields,
        )

    def opened(self) -> None:
        self.tcp(CLIENT, "S")
        self.tcp(SERVER, "SA")
        self.tcp(CLIENT, "A")

    def request(self, method: str, path: str, **fields: Any) -> int:
        given = {"http__request__method": method, "http__request__uri": path, **fields}
        return self.tcp(CLIENT, "A", 100, **given)

    def answer(self, status: int, **fields: Any) -> int:
        return self.tcp(SERVER, "A", 200, **{"http__response__code": status, **fields})

    def records(self, kind: str, since: float = 0.0) -> list[dict[str, Any]]:
        return [one for one in self.ring.records(since) if one["kind"] == kind]


def ends(wire: Wire) -> list[str]:
    return [str(one["end"]) for one in wire.records("connection")]


def test_a_refused_connection() -> None:
    wire = Wire()
    wire.tcp(CLIENT, "S")
    wire.tcp(SERVER, "R")
    (one,) = wire.records("connection")
    assert (one["end"], one["source"], one["target"]) == ("refused", CLIENT, SERVER)


def test_a_connection_that_nobody_answers() -> None:
    wire = Wire()
    wire.tcp(CLIENT, "S")
    wire.tcp(CLIENT, "S", tcp__analysis__retransmission=1)
    assert ends(wire) == ["unanswered"]


def test_a_connection_that_is_closed_open_or_reset() -> None:
    for last, expected in (((), "open"), ((CLIENT, "F"), "closed"), ((SERVER, "R"), "reset")):
        wire = Wire()
        wire.opened()
        wire.tcp(CLIENT, "A", 10)
        if last:
            wire.tcp(*last)
        assert ends(wire) == [expected]


def test_a_reset_behind_an_end_is_an_end() -> None:
    wire = Wire()
    wire.opened()
    wire.tcp(CLIENT, "F")
    wire.tcp(SERVER, "R")
    assert ends(wire) == ["closed"]


def test_a_network_that_is_cut_while_a_connection_is_open() -> None:
    """What is sent again and again has no answer; one repetition may be a lost packet."""
    wire = Wire()
    wire.opened()
    wire.tcp(CLIENT, "A", 10)
    wire.tcp(CLIENT, "A", 10, tcp__analysis__retransmission=1)
    assert ends(wire) == ["open"]
    wire.tcp(CLIENT, "A", 10, tcp__analysis__retransmission=1)
    (one,) = wire.records("connection")
    assert (one["end"], one["sent"]) == ("unanswered", 10)
    assert one["t"] < one["silent"] < one["last"]
    wire.tcp(SERVER, "A", 5)
    assert ends(wire) == ["open"]


def test_the_beginning_of_a_connection_was_overwritten() -> None:
    wire = Wire()
    wire.tcp(SERVER, "A", 5)
    (one,) = wire.records("connection")
    assert (one["source"], one["target"], one["received"]) == (CLIENT, SERVER, 5)


def test_an_address_at_which_nobody_is() -> None:
    """The kernel asks three times, a second apart (arp(7), mcast_solicit)."""
    wire = Wire()
    asked = {"arp__opcode": 1, "arp__src__proto_ipv4": CLIENT[0], "arp__dst__proto_ipv4": SERVER[0]}
    for _ in range(3):
        wire.packet(**asked)
    (one,) = wire.records("nobody")
    assert (one["source"], one["target"]) == (CLIENT[0], SERVER[0])
    answered = {"arp__src__proto_ipv4": SERVER[0], "arp__dst__proto_ipv4": CLIENT[0]}
    wire.packet(arp__opcode=2, **answered)
    assert wire.records("nobody") == []


def test_requests_of_one_connection_get_their_own_answers() -> None:
    wire = Wire()
    wire.opened()
    first = wire.request("GET", "/a")
    second = wire.request("GET", "/b")
    wire.answer(200, http__request_in=first, http__content_length=7)
    wire.answer(503, http__request_in=second, http__chunk_size=f"10{LISTS}5{LISTS}0")
    seen = [(one["path"], one["status"], one["response_bytes"]) for one in wire.records("exchange")]
    assert seen == [("/a", 200, 7), ("/b", 503, 15)]


def test_a_request_without_an_answer() -> None:
    wire = Wire()
    wire.opened()
    wire.request("GET", "/a")
    wire.answer(100)
    (one,) = wire.records("exchange")
    assert (one["status"], one["seconds"]) == (None, None)
    (connection,) = wire.records("connection")
    assert connection["unanswered"] == 1


def test_an_answer_that_has_begun_and_not_ended() -> None:
    wire = Wire()
    wire.opened()
    number = wire.request("GET", "/hub/api/users/alice/server/progress")
    wire.tcp(SERVER, "A", 300)
    begun = {"frame.number": number + 1, "tcp.stream": 0, "http.response.code": 200}
    line = "\t".join(str(begun.get(name, "")) for name in dissect.FIELDS)
    wire.ring.add_begun(dissect.Frame(line.encode()))
    (one,) = wire.records("exchange")
    assert (one["status"], one["seconds"]) == (200, None)
    (connection,) = wire.records("connection")
    assert connection["unanswered"] == 0


def test_a_message_in_several_packets_begins_with_the_first() -> None:
    wire = Wire()
    wire.opened()
    begun = wire.tcp(CLIENT, "A", 1000)
    last = wire.request("POST", "/a", tcp__segment=f"{begun}{LISTS}{begun + 1}")
    assert last == begun + 1
    ended = wire.answer(201)
    (one,) = wire.records("exchange")
    assert one["t"] == 1000 + begun / 1000
    assert round(float(one["seconds"]), 6) == (ended - begun) / 1000


def test_a_websocket_begins_with_its_upgrade() -> None:
    wire = Wire()
    wire.opened()
    wire.request("GET", "/before")
    wire.answer(200)
    begun = wire.request("GET", "/user/alice/api/kernels/1/channels")
    wire.answer(101)
    wire.tcp(CLIENT, "A", 30)
    (one,) = wire.records("connection")
    assert (one["protocol"], one["detail"]) == ("websocket", "/user/alice/api/kernels/1/channels")
    assert (one["t"], one["sent"]) == (1000 + begun / 1000, 30)


WHEN = "2026-11-29T12:00:00.123456Z"


def test_of_two_bodies_is_kept_who_was_active_when_and_where_routes_lead() -> None:
    """jupyterhub/singleuser/extension.py, notify_activity; configurable-http-proxy, REST API."""
    report = {"servers": {"big": {"last_activity": WHEN}}, "last_activity": WHEN, "x": "secret"}
    route = {"target": "http://n:1", "last_activity": WHEN, "user": "alice", "token": "secret"}
    wire = Wire()
    wire.opened()
    body = {"http__file_data": json.dumps(report).encode().hex()}
    wire.request("POST", "/hub/api/users/alice/activity", **body)
    wire.answer(200)
    wire.request("GET", "/api/routes")
    wire.answer(200, http__file_data=json.dumps({"/user/alice/": route}).encode().hex())
    wire.request("GET", "/user/alice/api")
    wire.answer(200, http__file_data=json.dumps({"version": "secret"}).encode().hex())
    activity, routes, other = wire.records("exchange")
    assert activity["activity"] == {"big": WHEN}
    kept = {name: route[name] for name in ("target", "last_activity", "user")}
    assert routes["routes"] == {"/user/alice/": kept}
    assert (other["activity"], other["routes"]) == ({}, {})
    assert "secret" not in json.dumps([*wire.records("exchange"), *wire.records("connection")])


def test_a_body_may_say_what_it_likes() -> None:
    """What is no time is none, and a body that is nested deeply is no reason to read nothing."""
    body = {"servers": {"x": {"last_activity": {"password": "secret"}}}}
    assert dissect.reported(body) == {"x": None}
    assert dissect.reported({"servers": {"x": {"last_activity": "secret"}}}) == {"x": None}
    assert dissect.table_of({"/": {"target": "t", "last_activity": ["secret"]}}) == {
        "/": {"target": "t", "last_activity": None}
    }


def test_a_body_that_is_no_such_json_is_ignored() -> None:
    for body in ("", "zz", b"[1]".hex(), b'{"servers": 5}'.hex(), b'{"servers": {"": 1}}'.hex()):
        wire = Wire()
        wire.request("POST", "/hub/api/users/alice/activity", http__file_data=body)
        assert wire.records("exchange")[0]["activity"] == {}


def test_what_was_before_is_not_wanted() -> None:
    wire = Wire()
    wire.opened()
    wire.request("GET", "/before")
    wire.answer(200)
    since = 1000 + wire.request("GET", "/a") / 1000
    assert [one["path"] for one in wire.records("exchange", since)] == ["/a"]


def test_tls_shows_the_name_and_the_alert_only() -> None:
    wire = Wire()
    wire.opened()
    tls: dict[str, Any] = {"_ws__col__protocol": "TLSv1.3"}
    wire.tcp(CLIENT, "A", 50, tls__handshake__extensions_server_name="node1", **tls)
    info = "Alert (Level: Fatal, Description: Unknown CA)"
    wire.tcp(SERVER, "A", 7, tls__alert_message__desc=48, _ws__col__info=info, **tls)
    (one,) = wire.records("connection")
    assert (one["protocol"], one["detail"]) == ("tls", "node1, alert: Unknown CA")


def test_an_address_may_hold_any_sign() -> None:
    """A unit separator, which some tools put between values, is part of the address here."""
    wire = Wire()
    wire.opened()
    wire.request("GET", "/a\x1fb?x=1")
    wire.request("GET", r"/c\\td\te")
    assert [one["path"] for one in wire.records("exchange")] == ["/a\x1fb?x=1", "/c\\td\te"]


def test_several_values_of_a_field_are_told_apart_by_what_no_text_holds() -> None:
    frame = dissect.Frame(b"1\t2.5\tHTTP\t\t198.18.0.5\xff198.18.0.9")
    assert frame.all("ip.src") == ["198.18.0.5", "198.18.0.9"]
