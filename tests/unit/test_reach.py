"""Which setting is to blame for an address, and what a new server would be told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hublab.errors import Undecided
from hublab.probes import reach as module
from hublab.probes.reach import (
    CHECKS,
    HUB_ADDRESS,
    PROXY_API,
    PROXY_BIND,
    TOLD_SERVERS,
    UNTOLD,
    Hop,
    binding,
    hub_setting,
    new_server_api,
    reach,
)
from hublab.probes.routes import Route
from hublab.probes.told import HubTold
from hublab.running.servers import Server
from hublab.settings.values import Settings

CONNECT_URL, CONNECT_IP = HUB_ADDRESS
LOOPBACK = "http://127.0.0.1:8081/hub/"


@pytest.mark.parametrize(
    ("listens", "url", "settings", "blamed"),
    [
        ("http://0.0.0.0:8081/hub/", LOOPBACK, {CONNECT_IP: "127.0.0.1"}, CONNECT_IP),
        (LOOPBACK, "http://hub:8081", {}, "hub.JupyterHub.hub_ip"),
        (LOOPBACK, LOOPBACK, {CONNECT_IP: "127.0.0.1"}, CONNECT_IP),
        (LOOPBACK, LOOPBACK, {CONNECT_URL: "http://127.0.0.1:8081"}, CONNECT_URL),
        # Without a name of its own, where it listens is also what it gives out.
        (LOOPBACK, LOOPBACK, {CONNECT_IP: ""}, "hub.JupyterHub.hub_ip"),
    ],
)
def test_who_is_to_blame(listens: str, url: str, settings: dict[str, str], blamed: str) -> None:
    told = HubTold(listens, url, None)
    assert hub_setting(HUB_ADDRESS, Settings(settings), told, url) == blamed


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "http://hub:8081/base/hub/api"),
        ({TOLD_SERVERS[1]: "http://proxy:8000/"}, "http://proxy:8000/base/hub/api"),
        (
            {TOLD_SERVERS[0]: "http://a:1", TOLD_SERVERS[1]: "http://b:2"},
            "http://a:1/base/hub/api",
        ),
    ],
)
def test_what_a_new_server_is_told(settings: dict[str, str], expected: str) -> None:
    assert new_server_api(Settings(settings), "http://hub:8081/base/hub/") == expected


class SmallLab:
    """A lab of one host a role, of which nobody can be asked anything."""

    name_option = " --name small"

    def one(self, role: str) -> Any:
        return SimpleNamespace(service=role, addresses=(f"address of {role}",))

    def of_role(self, role: str) -> list[Any]:
        return [SimpleNamespace(service=f"{role}1")] if role == "node" else []

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self.known = Settings(settings)

    def settings(self) -> Settings:
        return self.known


async def hops_of(
    monkeypatch: pytest.MonkeyPatch,
    told: HubTold,
    routes: list[Route] | Undecided,
    settings: dict[str, Any] | None = None,
    known: Sequence[Server] = (),
) -> dict[tuple[str, str], Hop]:
    """What `reach` tells where every address that is tried answers as it should."""

    async def hub_told(live: object) -> HubTold:
        return told

    async def servers(live: object) -> list[Server]:
        return list(known)

    async def proxy_routes(live: object) -> list[Route]:
        if isinstance(routes, Undecided):
            raise routes
        return routes

    def fine(live: object, host: str, hops: list[Hop], patience: float) -> list[Hop]:
        assert all(hop.url != UNTOLD for hop in hops)
        return [replace(hop, ok=True) for hop in hops]

    monkeypatch.setattr(module, "hub_told", hub_told)
    monkeypatch.setattr(module, "known_servers", servers)
    monkeypatch.setattr(module, "proxy_routes", proxy_routes)
    monkeypatch.setattr(module, "try_from", fine)
    live: Any = SimpleNamespace(lab=SmallLab(settings))
    return {(hop.source, hop.target): hop for hop in await reach(live)}


HUB_ROUTE = Route("/", "http://hub:8081", None, None, None, {"hub": True})
LISTENS = HubTold("http://0.0.0.0:8081/hub/", "http://hub:8081/hub/", "http://proxy:8001")


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    hops = asyncio.run(hops_of(monkeypatch, LISTENS, [HUB_ROUTE]))
    assert all(hop.ok for hop in hops.values())
    assert hops["proxy", "hub"].url == "http://hub:8081/hub/api"


RUNS = replace(LISTENS, running=True)
EITHER = f"{CHECKS} or {PROXY_API[0]}"


@pytest.mark.parametrize(
    ("told", "settings", "error", "blamed"),
    [
        (RUNS, {}, "the proxy has lost its route to the hub", CHECKS),
        (
            replace(RUNS, proxy_api="http://proxy:9001"),
            {"proxy.api-port": 9001},
            "the proxy has lost its route to the hub",
            CHECKS,
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
def test_a_proxy_without_a_route_to_the_hub(
    monkeypatch: pytest.MonkeyPatch,
    told: HubTold,
    settings: dict[str, Any],
    error: str,
    blamed: str,
) -> None:
    """No page of the hub is found, so the hop is broken and not left out.

    The hub that says that it runs has given its routes, to the proxy that it asks.
    """
    hops = asyncio.run(hops_of(monkeypatch, told, [], settings))
    (broken,) = (hop for hop in hops.values() if not hop.ok)
    assert (broken.source, broken.target, broken.error) == ("proxy", "hub", error)
    assert (broken.url, broken.setting) == ("http://hub:8081/hub/api", blamed)
    assert ("routes --check --name small" in str(broken.workaround)) == (blamed == CHECKS)


def test_a_server_that_the_proxy_has_no_route_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub holds it ready, and nobody gets there: told, not left out; its neighbour is well."""
    named, other = (
        Server("alice", name, None, "198.18.0.31", 5000, None, ready=True) for name in ("x", "")
    )
    pending = Server("bob", "", None, None, None, None, ready=False)
    routed = Route("/user/alice/", "http://198.18.0.31:5000", "alice", "", None, {})
    hops = asyncio.run(
        hops_of(monkeypatch, RUNS, [HUB_ROUTE, routed], known=[named, other, pending])
    )
    (broken,) = (hop for hop in hops.values() if not hop.ok)
    assert (broken.source, broken.target) == ("proxy", "alice/x's server")
    assert broken.error == "the proxy has lost its route to alice/x's server"
    assert (broken.url, broken.setting) == ("http://198.18.0.31:5000/user/alice/x/api", CHECKS)
    assert hops["proxy", "alice's server"].ok


def test_a_table_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    hops = asyncio.run(hops_of(monkeypatch, LISTENS, Undecided("the proxy's API did not answer")))
    (broken,) = (hop for hop in hops.values() if not hop.ok)
    assert (broken.source, broken.target) == ("proxy", "proxy API")
    assert broken.error == "the proxy's API did not answer"
    assert broken.setting == "proxy.api-ip"


@pytest.mark.parametrize("ended", [False, True])
def test_a_hub_that_is_not_there(monkeypatch: pytest.MonkeyPatch, ended: bool) -> None:
    """Before its first start nobody knows its addresses: the ways are shown all the same."""
    hops = asyncio.run(hops_of(monkeypatch, HubTold(None, None, None, ended=ended), []))
    broken = {way: str(hop.error) for way, hop in hops.items() if not hop.ok}
    assert set(broken) == {
        ("hub", "proxy API"),
        ("proxy", "hub"),
        ("node1", "hub API, for a new server"),
    }
    words = "the hub has ended" if ended else "the hub does not listen"
    assert all(words in error for error in broken.values())


def test_a_refusal_says_that_the_hub_is_not_there() -> None:
    hop = Hop("proxy", "hub", "http://hub:8081", "x", silence="the hub has ended")
    seen = module.judged(replace(hop, error="Connection refused", layer="DNS"))
    assert (seen.ok, seen.error) == (False, "Connection refused; the hub has ended")
    assert module.judged(replace(hop, layer="HTTP", status=200)).ok


@pytest.mark.parametrize(
    ("settings", "url", "blamed"),
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
def test_where_sshd_listens_is_blamed(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], url: str, blamed: str
) -> None:
    hops = asyncio.run(hops_of(monkeypatch, LISTENS, [HUB_ROUTE], settings))
    hop = hops["hub", "node1 SSH"]
    assert (hop.url, hop.setting) == (url, blamed)


def test_a_bastion_has_no_setting_of_sshd(monkeypatch: pytest.MonkeyPatch) -> None:
    told = replace(LISTENS, bastions={"node1": ["bastion"]})
    hops = asyncio.run(hops_of(monkeypatch, told, [HUB_ROUTE], {"sshd.Port": "2222"}))
    settings = {way: hop.setting for way, hop in hops.items() if "SSH" in way[1]}
    assert settings == {
        ("hub", "bastion SSH"): "hub.SSHSpawner.hosts",
        ("bastion", "node1 SSH"): "sshd.Port",
    }


@pytest.mark.parametrize(
    ("settings", "blamed"),
    [
        ({}, "proxy.ip"),
        ({"proxy.port": 9000}, "proxy.port"),
        ({"proxy.ip": "127.0.0.1", "proxy.port": 9000}, "proxy.port or proxy.ip"),
    ],
)
def test_what_binds_is_blamed_together(settings: dict[str, Any], blamed: str) -> None:
    assert binding(PROXY_BIND, Settings(settings)) == blamed
