"""Whom a broken hop cuts off: there is a sentence for each kind, and hosts alike are named once."""

from __future__ import annotations

from hublab.diagnosis.unserved import EFFECT, Unserved, unserved
from hublab.probes.advertised import HubAddresses
from hublab.probes.hops import Hop, Kind
from hublab.probes.reach import Attempt, Reach, TriedHop
from hublab.probes.snapshot import Hosts, Snapshot
from hublab.settings.values import Settings

CONNECT = "hub.JupyterHub.hub_connect_ip"


def test_every_kind_of_hop_means_something_to_people() -> None:
    assert set(EFFECT) == set(Kind)


def test_nodes_that_fail_alike_are_one() -> None:
    url = "http://127.0.0.1:8081/hub/api"
    snapshot = Snapshot(
        Hosts("client", "proxy", "hub", ("node1", "node2")),
        Settings({CONNECT: "127.0.0.1"}),
        HubAddresses("http://0.0.0.0:8081/hub/", "http://127.0.0.1:8081/hub/", None, running=True),
    )
    hops = [
        TriedHop(Hop(Kind.NEW_HUB_API, node, "hub API", url), Attempt("DNS", error="refused"))
        for node in ("node1", "node2")
    ]
    working = TriedHop(Hop(Kind.PROXY, "client", "proxy", url), Attempt("HTTP", status=200))
    assert unserved(Reach(snapshot, (working, *hops))) == [
        Unserved(
            "servers on node1 and node2 cannot reach the hub, and do not start", "refused", CONNECT
        )
    ]
