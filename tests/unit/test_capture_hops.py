"""Both ends of a hop see it; one record stays, and where the two differ is said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hublab.capture.happened import Happened, happened_from
from hublab.capture.hops import joined
from hublab.capture.hosts import Hosts
from hublab.capture.seen import End, Seen, SeenConnection, SeenExchange, SeenRing
from hublab.journal.events import Note
from hublab.journal.network import (
    ActivityBelieved,
    CaptureLost,
    Connection,
    Exchange,
    RoutesBelieved,
)


@dataclass(frozen=True)
class Host:
    """What is asked of a container here."""

    service: str
    addresses: tuple[str, ...]
    roles: tuple[str, ...]


KNOWN: list[Any] = [
    Host("hub", ("198.18.0.10", "198.18.1.10"), ("hub",)),
    Host("proxy", ("198.18.0.20",), ("proxy",)),
    Host("node1", ("198.18.0.31",), ("node",)),
]
HOSTS = Hosts(KNOWN)
HUB, PROXY, NODE = End("198.18.0.10", 8081), End("198.18.0.20", 40000), End("198.18.0.31", 41000)
AT_PROXY = SeenExchange("proxy", 10.0, PROXY, HUB, "GET", "/hub/", 200, 0.2, 0, 50)
AT_HUB = replace(AT_PROXY, seen_on="hub", t=10.00001)
TCP = SeenConnection("node1", 5.0, NODE, HUB, "tcp", 0.1, 0, 0, "refused")
BOTH = ("hub", "proxy")


def ring(host: str, **other: Any) -> SeenRing:
    known: dict[str, Any] = {
        "first": 0.0,
        "frames": 9,
        "overwritten": False,
        "bytes": 900,
        "problem": "",
    }
    return SeenRing(host, **(known | other))


def events(seen: Seen, since: float = 0.0) -> list[Happened]:
    return happened_from("lab", seen, HOSTS, (), since, lambda path: path)


def test_one_hop_is_one_record_by_its_source() -> None:
    assert joined([AT_HUB, AT_PROXY], HOSTS, BOTH) == ([AT_PROXY], [])


def test_two_requests_alike_are_two_hops() -> None:
    later = [replace(one, t=one.t + 0.3) for one in (AT_PROXY, AT_HUB)]
    assert joined([AT_HUB, *later, AT_PROXY], HOSTS, BOTH) == ([AT_PROXY, later[0]], [])


def test_what_one_end_alone_has_seen_is_kept_and_said() -> None:
    assert joined([AT_HUB], HOSTS, BOTH) == ([AT_HUB], [(AT_HUB, None)])
    assert joined([AT_PROXY], HOSTS, BOTH) == ([AT_PROXY], [(AT_PROXY, None)])


def test_an_end_that_lost_packets_disagrees_with_nobody() -> None:
    assert joined([AT_PROXY], HOSTS, ("proxy",)) == ([AT_PROXY], [])


def test_an_answer_that_did_not_arrive_is_said() -> None:
    lost = replace(AT_PROXY, status=None, seconds=None, response_bytes=0)
    assert joined([lost, AT_HUB], HOSTS, BOTH) == ([lost], [(lost, AT_HUB)])


def test_frames_of_others_are_left_out() -> None:
    assert joined([replace(AT_PROXY, seen_on="node1")], HOSTS, BOTH) == ([], [])


def test_a_loopback_is_the_hosts_own() -> None:
    own = replace(AT_PROXY, source=End("127.0.0.1", 5), target=End("127.0.0.1", 8001))
    seen = Seen([replace(own, seen_on="hub", path="/api/routes", method="POST")], [], [ring("hub")])
    ((_, exchange),) = events(seen)
    assert isinstance(exchange, Exchange)
    assert (exchange.source, exchange.target, exchange.port) == ("hub", "hub", 8001)


def test_a_host_of_two_networks_has_one_name_and_others_stay_addresses() -> None:
    other = replace(
        AT_PROXY, seen_on="hub", source=End("198.18.1.1", 9), target=End("198.18.1.10", 80)
    )
    ((_, exchange),) = events(Seen([other], [], [ring("hub")]))
    assert isinstance(exchange, Exchange)
    assert (exchange.source, exchange.target) == ("198.18.1.1", "hub")


def test_sockets_between_a_server_and_its_kernel_are_left_out() -> None:
    kernel = replace(TCP, source=End("127.0.0.1", 50000), target=End("127.0.0.1", 50001))
    proxy_api = replace(kernel, target=End("127.0.0.1", 8001))
    seen = Seen([], [kernel, proxy_api, TCP], [ring("node1")])
    found = [event for _, event in events(seen)]
    assert [(one.target, one.port) for one in found if isinstance(one, Connection)] == [
        ("node1", 8001),
        ("hub", 8081),
    ]


def test_a_connection_whose_exchanges_say_all_is_left_out() -> None:
    routine = replace(TCP, end="closed", exchanges=3)
    broken = replace(TCP, t=6.0, end="reset", exchanges=3, unanswered=1)
    found = events(Seen([], [routine, broken], [ring("node1")]))
    assert [one.t for one in found] == [6.0]


def test_beliefs_are_events_beside_their_exchange() -> None:
    report = replace(
        AT_PROXY,
        source=NODE,
        seen_on="node1",
        method="POST",
        path="/hub/api/users/alice/activity",
        activity={"big": "T1"},
    )
    table = replace(
        AT_PROXY,
        source=End("198.18.0.10", 4),
        target=End("198.18.0.20", 8001),
        seen_on="hub",
        path="/api/routes",
        t=20.0,
        routes={
            "/": {"target": "http://hub:8081"},
            "/user/alice/": {"user": "alice", "target": "x"},
        },
    )
    found = events(Seen([report, table], [], [ring("node1")]))
    assert [(one.t, one.event) for one in found if not isinstance(one.event, Exchange)] == [
        (10.0, ActivityBelieved("lab", "server", "alice", "big", "T1")),
        (20.2, RoutesBelieved("lab", "proxy", {"/": "http://hub:8081", "/user/alice/": "x"})),
        (20.2, ActivityBelieved("lab", "proxy", "alice", "", None)),
    ]


def test_what_a_ring_could_not_hold_is_said() -> None:
    rings = [ring("hub", overwritten=True, first=7.5), ring("proxy", overwritten=True, first=1.0)]
    found = events(Seen([AT_PROXY], [], rings), since=5.0)
    losses = [event for _, event in found if isinstance(event, CaptureLost)]
    assert losses == [
        CaptureLost(
            "lab",
            "hub",
            "the ring was full: nothing of the first 2.5 s is kept",
            data={"bytes": 900, "seconds": 2.5},
        )
    ]
    assert not any(isinstance(event, Note) for _, event in found)


def test_a_disagreement_is_a_note() -> None:
    seen = Seen([AT_PROXY, replace(AT_HUB, status=500)], [], [ring("hub"), ring("proxy")])
    (note,) = [event for _, event in events(seen) if isinstance(event, Note)]
    assert note.data == {"differ": ["GET /hub/: 200 on proxy, 500 on hub"]}
