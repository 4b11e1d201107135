"""What the hub calls itself decides who finds it: a hub on all addresses never notices a wrong
hub_connect_ip, and does not start with a hub_connect_url at which it cannot listen.

Why it matters: proxy and nodes look for the hub at the address that it gives out. With hub_ip =
0.0.0.0, as here, a wrong hub_connect_ip is accepted, the hub says that it is running, and each
host then fails in its own way. Worse, the address that it gives out also decides where it listens,
unless hub_bind_url is set.

Sources:
- JupyterHub documentation, `JupyterHub.hub_connect_ip`: "The ip or hostname for proxies and
  spawners to use for connecting to the Hub"; `hub_connect_url`: "Spawners, services, and the proxy
  will use this URL to talk to the Hub"; `hub_ip`: "the Hub process to *bind* to".
- jupyterhub/app.py, `init_hub`: the path of `hub_connect_url` is replaced by the hub's prefix.
- jupyterhub/objects.py, `Server.host`: the route `/` targets scheme and netloc of that URL, or the
  connect address, and so begins what servers are told, `Hub.api_url`; `Server.bind_url_default`:
  where it listens is that URL with the connect address, if it stands there, replaced by `hub_ip`,
  although "never used in APIs, only logging".
- configurable-http-proxy 5.3, lib/configproxy.js, `handleProxy`: an error of the target is 503, a
  target that is no http address is 500.
- tornado/http1connection.py, `_read_message`: a hub that speaks no TLS (`internal_ssl` is off)
  waits for the end of a header that a TLS greeting does not contain, and the proxy, which has no
  timeout unless `--proxy-timeout` is set, waits for the hub.
- RFC 1122, 3.2.1.3: 127.0.0.1 and 0.0.0.0 mean this host, whoever says it.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
import pytest

from hublab.scenario import (
    PATIENCE,
    Case,
    HubError,
    LiveLab,
    api_url_of_server,
    diagnose,
    listening,
    proxy_routes,
    reach,
)

CONNECT = "hub.JupyterHub.hub_connect_ip"
URL = "hub.JupyterHub.hub_connect_url"
BIND_URL = "hub.JupyterHub.hub_bind_url"
REFUSED = "Connection refused"
UNKNOWN = "is not known here"
SILENCE = 4.0
"""Seconds without an answer that are taken for silence: a hub answers in milliseconds."""

pytestmark = pytest.mark.topology("lab")


@dataclass(frozen=True, slots=True)
class Named:
    """What follows from an address: what others meet there (empty: the hub), and why."""

    error: str
    source: str


ADDRESSES = {
    "hub": Named("", "documentation: a name that proxy and nodes resolve"),
    "127.0.0.1": Named(REFUSED, "RFC 1122: each host finds itself, where nobody listens"),
    "0.0.0.0": Named(REFUSED, "RFC 1122: as a destination it means this host, too"),
    "hub.elsewhere.lab": Named(UNKNOWN, "getaddrinfo(3), EAI_NONAME: nobody here resolves it"),
}


def model(address: str, lab: LiveLab) -> str:
    """What others meet at an address, also one that the table does not hold."""
    if address == "hub":
        return ""
    here = {"127.0.0.1", "0.0.0.0", "localhost"}
    return REFUSED if address in here | set(lab.hosts) else UNKNOWN


async def page_status(lab: LiveLab, seconds: float = PATIENCE) -> int | None:
    """What a visitor gets for the sign-in page; None: no answer within the seconds."""
    patience = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            lab.channel.session(timeout=patience) as session,
            session.get(lab.origin / "hub/login") as page,
        ):
            return page.status
    except TimeoutError:
        return None


async def hub_target(lab: LiveLab) -> str:
    """Where the proxy sends what is for the hub."""
    return next(route.target for route in await proxy_routes(lab) if route.data.get("hub"))


@pytest.mark.issue(
    "jupyterhub#2537",
    happens=True,
    workaround="hub_connect_ip, a name that proxy and nodes resolve",
)
@pytest.mark.matrix(CONNECT, list(ADDRESSES))
async def test_the_hub_gives_out_any_hub_connect_ip(lab: LiveLab, case: Case) -> None:
    """The hub, whose hub_ip is 0.0.0.0, runs with any; proxy and nodes meet what stands there."""
    address = str(case[CONNECT])
    error = model(address, lab)
    if address in ADDRESSES:
        assert ADDRESSES[address].error == error
    assert await hub_target(lab) == f"http://{address}:8081"
    assert await page_status(lab) == (503 if error else 200)

    if error:
        with pytest.raises(HubError, match=f"cannot reach the hub at http://{address}:8081"):
            await lab.spawn("alice", on="node1")
    else:
        server = await lab.spawn("alice", on="node1")
        assert await api_url_of_server(lab, server) == f"http://{address}:8081/hub/api"

    broken = [hop for hop in diagnose(await reach(lab)) if not hop.ok]
    assert {hop.source for hop in broken} == ({"proxy", "node1", "node2"} if error else set())
    assert all(error in str(hop.error) and hop.setting == CONNECT for hop in broken)


@dataclass(frozen=True, slots=True)
class Url:
    """What follows from a URL: the proxy's target, the hub's port, a visitor's answer, and why."""

    target: str
    port: int
    status: int
    source: str


URLS = {
    "http://hub:8081/elsewhere": Url("http://hub:8081", 8081, 200, "init_hub drops the path"),
    "http://hub": Url("http://hub", 80, 200, "bind_url_default and app.start: no port is 80"),
    "hub:8081": Url("hub://", 80, 500, "urlparse: hub is the scheme, and there is no host"),
}


@pytest.mark.finding(
    "The port of hub_connect_url decides where the hub listens",
    project="jupyterhub",
    steps="hub_ip = '0.0.0.0', hub_port = 8081 (the default), hub_connect_url = 'http://hub'.",
    expected="The API listens on port 8081: hub_connect_url is for connecting, hub_port is the "
    "hub's own port (their documentation).",
    seen="It listens on port 80: app.py, `start`, takes address and port from `Server.bind_url`, "
    "whose default is made from the connect URL.",
)
@pytest.mark.matrix(URL, list(URLS))
async def test_the_hub_gives_out_scheme_and_port_as_they_are(lab: LiveLab, case: Case) -> None:
    """Scheme and port are taken as they are, even where nobody can mean them."""
    row = URLS[str(case[URL])]
    assert await hub_target(lab) == row.target
    ports = {socket.port for socket in await listening(lab, "hub")}
    assert {80, 8081} & ports == {row.port}
    assert await page_status(lab) == row.status
    if row.status == 200:
        server = await lab.spawn("alice", on="node1")
        assert await api_url_of_server(lab, server) == f"{row.target}/hub/api"

    broken = [hop for hop in diagnose(await reach(lab)) if not hop.ok]
    lost = {"proxy", "node1", "node2"} if row.status != 200 else set()
    assert {(hop.source, hop.setting) for hop in broken} == {(host, URL) for host in lost}


@pytest.mark.issue(
    "jupyterhub#1446",
    happens=False,
    workaround="hub_connect_url, whose scheme proxy and servers get",
)
@pytest.mark.slow
@pytest.mark.matrix(URL, ["https://hub:8081"])
@pytest.mark.sabotage(URL, "http://hub:8081")
async def test_https_to_a_hub_without_tls_answers_nobody(lab: LiveLab) -> None:
    """No page loads: the proxy greets by TLS (https), the hub waits, and no visitor is answered."""
    assert await hub_target(lab) == "https://hub:8081"
    assert 8081 in {socket.port for socket in await listening(lab, "hub")}
    assert await page_status(lab, SILENCE) is None
    broken = [hop for hop in diagnose(await reach(lab)) if not hop.ok]
    assert {(hop.source, hop.layer, hop.setting) for hop in broken} == {
        (host, "TCP", URL) for host in ("proxy", "node1", "node2")
    }


@pytest.mark.finding(
    "With a hub_connect_url that is not its own address the hub does not start",
    project="jupyterhub",
    steps="hub_ip = '0.0.0.0', hub_connect_url = 'http://proxy:8000', the address of the proxy or "
    "a load balancer on another host; start the hub.",
    expected="It listens on 0.0.0.0:8081 and gives the URL out (documentation of hub_ip, hub_port "
    "and hub_connect_url).",
    seen="'Failed to bind hub to http://proxy:8000/…', exit code 1: it binds the connect URL. With "
    "hub_bind_url set as well it starts.",
)
@pytest.mark.may_refuse
@pytest.mark.matrix(URL, ["http://proxy:8000"])
@pytest.mark.matrix(BIND_URL, ["", "http://0.0.0.0:8081"])
async def test_another_hosts_address_needs_a_bind_url(lab: LiveLab, case: Case) -> None:
    """It is given out, if the hub is also told where to listen."""
    assert (lab.refusal is not None) == (not case[BIND_URL])
    if lab.refusal:
        assert (lab.refusal.role, lab.refusal.code) == ("hub", 1)
        assert "Failed to bind hub to http://proxy:8000" in lab.refusal.log
    else:
        assert 8081 in {socket.port for socket in await listening(lab, "hub")}
        assert await hub_target(lab) == case[URL]
