"""Which hops are planned by what a deployment says, what is wrong with them, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from made_snapshot import HUB_ROUTE, LISTENS, RUNS, diagnosed, snapshot_of

from hublab.diagnosis.governing import (
    HUB_ADDRESS,
    HUB_ADDRESS_OF_SERVERS,
    PROXY_API,
    PROXY_BIND,
    ROUTE_CHECKS,
    bind_settings,
    hub_address_setting,
)
from hublab.diagnosis.reach import HopDiagnosis, diagnose
from hublab.diagnosis.unserved import unserved
from hublab.probes.advertised import HubAddresses
from hublab.probes.hops import DATABASE_URL, Hop, Kind, new_server_api, planned_hops
from hublab.probes.reach import Attempt, Reach, TriedHop
from hublab.probes.routes import Route, same_path
from hublab.probes.snapshot import Snapshot
from hublab.running.servers import Server
from hublab.settings.values import Settings

CONNECT_URL, CONNECT_IP = HUB_ADDRESS
LOOPBACK = "http://127.0.0.1:8081/hub/"
EITHER = f"{ROUTE_CHECKS} or {PROXY_API[0]}"


def only_broken(snapshot: Snapshot) -> HopDiagnosis:
    (broken,) = (hop for hop in diagnosed(snapshot).values() if not hop.ok)
    return broken


@pytest.mark.parametrize(
    ("listens", "url", "settings", "setting"),
    [
        ("http://0.0.0.0:8081/hub/", LOOPBACK, {CONNECT_IP: "127.0.0.1"}, CONNECT_IP),
        (LOOPBACK, "http://hub:8081", {}, "hub.JupyterHub.hub_ip"),
        (LOOPBACK, LOOPBACK, {CONNECT_IP: "127.0.0.1"}, CONNECT_IP),
        (LOOPBACK, LOOPBACK, {CONNECT_URL: "http://127.0.0.1:8081"}, CONNECT_URL),
        # Without a name of its own, where it listens is also what it advertises.
        (LOOPBACK, LOOPBACK, {CONNECT_IP: ""}, "hub.JupyterHub.hub_ip"),
    ],
)
def test_the_hubs_address_or_where_it_listens_governs(
    listens: str, url: str, settings: dict[str, str], setting: str
) -> None:
    snapshot = snapshot_of(HubAddresses(listens, url, None), settings=settings)
    assert hub_address_setting(HUB_ADDRESS, snapshot, url) == setting


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "http://hub:8081/base/hub/api"),
        ({HUB_ADDRESS_OF_SERVERS[1]: "http://proxy:8000/"}, "http://proxy:8000/base/hub/api"),
        (
            {HUB_ADDRESS_OF_SERVERS[0]: "http://a:1", HUB_ADDRESS_OF_SERVERS[1]: "http://b:2"},
            "http://a:1/base/hub/api",
        ),
    ],
)
def test_a_new_server_gets_its_spawners_hub_url_first(
    settings: dict[str, str], expected: str
) -> None:
    assert new_server_api(Settings(settings), "http://hub:8081/base/hub/") == expected


def test_hops_are_planned_at_advertised_addresses() -> None:
    """A server that runs is tried from the hub, and its own way to the hub as it was started."""
    alice = Server("alice", "", "node1", "198.18.0.31", 5000, 77, ready=True)
    routed = Route("/user/alice", "http://198.18.0.31:5000", "alice", "", None, {})
    snapshot = snapshot_of(
        RUNS, [HUB_ROUTE, routed], servers=[alice], api_urls={"alice": "http://x:1/hub/api"}
    )
    server = "http://198.18.0.31:5000/user/alice/api"
    assert planned_hops(snapshot) == [
        Hop(Kind.PROXY, "client", "proxy", "http://proxy:8000/_chp_healthz"),
        Hop(Kind.PROXY_API, "hub", "proxy API", "http://proxy:8001/api/routes"),
        Hop(Kind.SSH, "hub", "node1 SSH", "ssh://node1"),
        Hop(Kind.HUB_ROUTE, "proxy", "hub", "http://hub:8081/hub/api"),
        Hop(Kind.SERVER, "hub", "alice on node1", server),
        Hop(Kind.HUB_API, "node1", "hub API, for alice on node1", "http://x:1/hub/api"),
        Hop(Kind.SERVER_ROUTE, "proxy", "alice's server", server),
    ]


def test_a_reverse_tunnel_leaves_no_way_for_new_servers() -> None:
    kinds = [hop.kind for hop in planned_hops(snapshot_of(replace(RUNS, reverse_tunnel=True)))]
    assert Kind.NEW_HUB_API not in kinds
    assert Kind.NEW_HUB_API in [hop.kind for hop in planned_hops(snapshot_of(RUNS))]


def test_nothing_is_wrong_where_all_answer() -> None:
    hops = diagnosed(snapshot_of(LISTENS))
    assert all(hop.ok for hop in hops.values())
    assert hops["proxy", "hub"].url == "http://hub:8081/hub/api"


@pytest.mark.parametrize(
    ("hub", "settings", "error", "setting"),
    [
        (RUNS, {}, "the proxy has lost its route to the hub", ROUTE_CHECKS),
        (
            replace(RUNS, proxy_api="http://proxy:9001"),
            {"proxy.api-port": 9001},
            "the proxy has lost its route to the hub",
            ROUTE_CHECKS,
        ),
        (
            replace(RUNS, proxy_api="http://proxy:9001"),
            {},
            "the proxy has no route to the hub",
            EITHER,
        ),
        (
            replace(RUNS, proxy_api="http://other:8001"),
            {},
            "the proxy has no route to the hub",
            EITHER,
        ),
        (replace(RUNS, proxy_api="http://[x"), {}, "the proxy has no route to the hub", EITHER),
        (
            LISTENS,
            {},
            "the proxy has no route to the hub; the hub has not said yet that it runs",
            EITHER,
        ),
    ],
)
def test_a_missing_route_to_the_hub_is_broken(
    hub: HubAddresses, settings: dict[str, Any], error: str, setting: str
) -> None:
    """No page of the hub is found, so the hop is broken and not left out.

    The hub that says that it runs has given its routes, to the proxy that it uses.
    """
    broken = only_broken(snapshot_of(hub, [], settings))
    assert (broken.source, broken.target, broken.error) == ("proxy", "hub", error)
    assert (broken.url, broken.setting) == ("http://hub:8081/hub/api", setting)
    assert ("routes --check --name small" in str(broken.workaround)) == (setting == ROUTE_CHECKS)


def test_a_missing_route_to_a_ready_server_is_broken() -> None:
    """The hub holds it ready, and nobody gets there; its neighbour is well."""
    named, other = (
        Server("alice", name, None, "198.18.0.31", 5000, None, ready=True) for name in ("x", "")
    )
    pending = Server("bob", "", None, None, None, None, ready=False)
    routed = Route("/user/alice/", "http://198.18.0.31:5000", "alice", "", None, {})
    snapshot = snapshot_of(RUNS, [HUB_ROUTE, routed], servers=[named, other, pending])
    broken = only_broken(snapshot)
    assert (broken.source, broken.target) == ("proxy", "alice/x's server")
    assert broken.error == "the proxy has lost its route to alice/x's server"
    assert (broken.url, broken.setting) == (
        "http://198.18.0.31:5000/user/alice/x/api",
        ROUTE_CHECKS,
    )
    assert diagnosed(snapshot)["proxy", "alice's server"].ok


def test_a_table_that_cannot_be_read_is_the_proxys_fault() -> None:
    why = "the proxy's API did not answer"
    broken = only_broken(snapshot_of(LISTENS, [], routes_error=why))
    assert (broken.source, broken.target) == ("proxy", "proxy API")
    assert (broken.error, broken.setting) == (why, "proxy.api-ip")
    assert broken.url == "http://127.0.0.1:8001/api/routes"


@pytest.mark.parametrize("ended", [False, True])
def test_a_hub_that_does_not_listen_breaks_its_hops(ended: bool) -> None:
    """Before its first start nobody knows its addresses: the ways are shown all the same."""
    hops = diagnosed(snapshot_of(HubAddresses(None, None, None, ended=ended), []))
    broken = {way: hop for way, hop in hops.items() if not hop.ok}
    assert set(broken) == {
        ("hub", "proxy API"),
        ("proxy", "hub"),
        ("node1", "hub API, for a new server"),
    }
    words = "the hub has ended" if ended else "the hub does not listen"
    assert all(words in str(hop.error) for hop in broken.values())
    assert {hop.url for hop in broken.values()} == {"unknown"}


def judged(kind: Kind, attempt: Attempt, **addresses: Any) -> HopDiagnosis:
    """The diagnosis of one hop that was tried."""
    hop = Hop(kind, "proxy", "hub", "http://hub:8081/hub/api")
    snapshot = snapshot_of(replace(RUNS, **addresses))
    (found,) = diagnose(Reach(snapshot, (TriedHop(hop, attempt),)))
    return found


def test_a_refusal_names_the_hub_that_has_ended() -> None:
    refused = Attempt("DNS", error="Connection refused")
    found = judged(Kind.HUB_ROUTE, refused, listens=None, ended=True)
    assert not found.ok
    assert found.error == "Connection refused; the hub has ended: see `hublab logs hub`"
    assert judged(Kind.HUB_ROUTE, refused).error == "Connection refused"
    assert judged(Kind.HUB_ROUTE, Attempt("HTTP", status=200), listens=None).ok


@pytest.mark.parametrize(
    ("kind", "status", "ok"),
    [
        (Kind.HUB_ROUTE, 200, True),
        (Kind.HUB_ROUTE, 403, False),
        (Kind.PROXY_API, 403, True),  # no token is shown
        (Kind.PROXY_API, 200, False),
    ],
)
def test_another_status_is_another_program(kind: Kind, status: int, ok: bool) -> None:
    found = judged(kind, Attempt("HTTP", status=status))
    assert found.ok == ok
    if not ok:
        assert "something else is there" in str(found.error)
        assert found.setting == "hub.JupyterHub.base_url"


def test_a_hop_that_could_not_be_tried_is_broken() -> None:
    found = judged(Kind.SERVER, Attempt(error="could not be tried: no such container"))
    assert (found.ok, found.error) == (False, "could not be tried: no such container")


@pytest.mark.parametrize(
    ("settings", "url", "setting"),
    [
        ({}, "ssh://node1", "hub.SSHSpawner.hosts"),
        ({"sshd.Port": "2222"}, "ssh://node1", "sshd.Port"),
        ({"sshd.ListenAddress": "127.0.0.1"}, "ssh://node1", "sshd.ListenAddress"),
        ({"sshd.MaxSessions": "1"}, "ssh://node1", "hub.SSHSpawner.hosts"),
        (
            {"sshd.port": "2222", "hub.SSHSpawner.hosts": [{"name": "node1", "port": 2222}]},
            "ssh://node1:2222",
            "sshd.port",
        ),
        (
            {"hub.SSHSpawner.hosts": "[{'name': 'node1', 'port': 2222}]"},
            "ssh://node1:2222",
            "hub.SSHSpawner.hosts",
        ),
    ],
)
def test_where_sshd_listens_governs_a_nodes_ssh(
    settings: dict[str, Any], url: str, setting: str
) -> None:
    hop = diagnosed(snapshot_of(LISTENS, settings=settings))["hub", "node1 SSH"]
    assert (hop.url, hop.setting) == (url, setting)


def test_a_bastion_has_no_setting_of_sshd() -> None:
    behind = replace(LISTENS, bastions={"node1": ["bastion"]})
    hops = diagnosed(snapshot_of(behind, settings={"sshd.Port": "2222"}))
    settings = {way: hop.setting for way, hop in hops.items() if "SSH" in way[1]}
    assert settings == {
        ("hub", "bastion SSH"): "hub.SSHSpawner.hosts",
        ("bastion", "node1 SSH"): "sshd.Port",
    }


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ({}, "proxy.ip"),
        ({"proxy.port": 9000}, "proxy.port"),
        ({"proxy.ip": "127.0.0.1", "proxy.port": 9000}, "proxy.port or proxy.ip"),
    ],
)
def test_what_binds_governs_together(settings: dict[str, Any], setting: str) -> None:
    assert bind_settings(PROXY_BIND, Settings(settings)) == setting


@pytest.mark.parametrize("base", ["/", "/jhub/"])
def test_a_server_on_a_subdomain_has_the_same_path(base: str) -> None:
    """The proxy's table has the host before the path; the server knows its path alone."""
    hub = replace(RUNS, listens=f"http://0.0.0.0:8081{base}hub/")
    spec = f"/alice.hub.example.org{base}user/alice"
    alice = Route(spec, "http://198.18.0.31:5000", "alice", "", None, {})
    spec = f"/web--service.hub.example.org{base}services/web"
    web = Route(spec, "http://hub:9", None, None, None, {"service": "web"})
    urls = {hop.kind: hop.url for hop in planned_hops(snapshot_of(hub, [alice, web]))}
    assert urls[Kind.SERVER_ROUTE] == f"http://198.18.0.31:5000{base}user/alice/api"
    assert urls[Kind.SERVICE_ROUTE] == f"http://hub:9{base}services/web"


def test_hub_and_proxy_write_a_subdomain_in_their_own_ways() -> None:
    both = ("https://alice.hub.example.org/user/alice/", "/alice.hub.example.org/user/alice")
    assert {same_path(one) for one in both} == {"/alice.hub.example.org/user/alice/"}
    assert same_path("example.org/more") == same_path("/example.org/more/")
    assert same_path("/") == "/"


def test_a_service_that_only_its_own_host_reaches() -> None:
    """Any answer shows that the service is there; at a loopback address that is another host."""
    web = Route("/services/web", "http://127.0.0.1:9999", None, None, None, {"service": "web"})
    snapshot = snapshot_of(RUNS, [HUB_ROUTE, web])
    (hop,) = (one for one in planned_hops(snapshot) if one.kind is Kind.SERVICE_ROUTE)
    assert hop == Hop(
        Kind.SERVICE_ROUTE, "proxy", "service web", "http://127.0.0.1:9999/services/web"
    )
    found = TriedHop(hop, Attempt("HTTP", status=404))
    refused = TriedHop(hop, Attempt("DNS", error="Connection refused"))
    fine_one, broken = diagnose(Reach(snapshot, (found, refused)))
    assert fine_one.ok
    assert broken.error == "Connection refused (127.0.0.1 is the host proxy itself, not hub)"
    assert broken.setting == "hub.JupyterHub.services"


PROVIDER = {
    "GenericOAuthenticator.authorize_url": "http://198.18.0.50:9000/auth",
    "GenericOAuthenticator.token_url": "http://provider:9000/token",
    "GoogleOAuthenticator.userdata_url": "https://provider.example.org/me",
}


def test_each_address_of_a_provider_is_tried_from_where_it_is_used() -> None:
    """Browsers go to the page, the hub to the rest; a provider outside the lab is left alone."""
    snapshot = snapshot_of(replace(LISTENS, provider=PROVIDER))
    names = {"provider": "provider", "198.18.0.50": "provider"}
    snapshot = replace(snapshot, hosts=replace(snapshot.hosts, providers=names))
    hops = [hop for hop in planned_hops(snapshot) if hop.kind in (Kind.SIGN_IN_PAGE, Kind.PROVIDER)]
    assert [(hop.source, hop.target, hop.url) for hop in hops] == [
        ("client", "provider authorize_url", "http://198.18.0.50:9000/auth"),
        ("hub", "provider token_url", "http://provider:9000/token"),
    ]
    for attempt, error in (
        (Attempt("HTTP", status=400), None),
        (Attempt("DNS", error="refused"), "refused"),
    ):
        seen = Reach(snapshot, tuple(TriedHop(hop, attempt) for hop in hops))
        assert [(one.error, one.setting) for one in diagnose(seen)] == [
            (error, "hub.GenericOAuthenticator.authorize_url"),
            (error, "hub.GenericOAuthenticator.token_url"),
        ]
    assert [one.effect for one in unserved(seen)] == [
        "nobody can sign in: browsers do not reach provider authorize_url",
        "nobody can sign in: the hub does not reach provider token_url",
    ]


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "postgresql://database"),
        (
            {DATABASE_URL: "postgresql+psycopg://hub:s3cret@198.18.0.40:6432/x"},
            "postgresql://198.18.0.40:6432",
        ),
        ({DATABASE_URL: "sqlite:///of-its-own.sqlite"}, None),
        ({DATABASE_URL: "postgresql://db.example.org/x"}, None),
        ({DATABASE_URL: "postgresql://database:no-port/x"}, None),
    ],
)
def test_a_database_in_the_lab_is_tried_without_its_password(
    settings: dict[str, str], url: str | None
) -> None:
    snapshot = snapshot_of(LISTENS, settings=settings)
    names = {"database": "database", "198.18.0.40": "database"}
    snapshot = replace(snapshot, hosts=replace(snapshot.hosts, databases=names))
    hops = [hop for hop in planned_hops(snapshot) if hop.kind is Kind.DATABASE]
    assert hops == ([Hop(Kind.DATABASE, "hub", "database", url)] if url else [])
    for hop in hops:
        silent = TriedHop(hop, Attempt("TCP", error="no answer within 6 s"))
        (found,) = diagnose(Reach(snapshot, (silent,)))
        assert (found.error, found.setting) == ("no answer within 6 s", DATABASE_URL)


def test_a_silent_hub_waits_for_its_silent_database() -> None:
    """Its address is right: it took the connection. A hop that is refused is another matter."""
    snapshot = snapshot_of(RUNS)
    snapshot = replace(snapshot, hosts=replace(snapshot.hosts, databases={"database": "database"}))
    silent, refused = Attempt("TCP", error="no answer within 6 s"), Attempt(error="refused")
    hops = [hop for hop in planned_hops(snapshot) if hop.kind is not Kind.PROXY]
    seen = Reach(
        snapshot,
        tuple(
            TriedHop(hop, refused if hop.kind is Kind.NEW_HUB_API else silent)
            if hop.can_be_tried
            else TriedHop(hop)
            for hop in hops
        ),
    )
    found = {hop.target: (hop.error, hop.setting) for hop in diagnose(seen)}
    assert found["hub"] == (
        "no answer within 6 s: the hub waits for database",
        DATABASE_URL,
    )
    assert found["node1 SSH"][0] == "no answer within 6 s"
    assert found["hub API, for a new server"][0] == "refused"
