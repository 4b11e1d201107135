"""What a hub's configuration says of its own routes, compared with what JupyterHub makes of it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jupyterhub.app import JupyterHub  # type: ignore[import-untyped]
from traitlets.config import Config

ETC = Path(__file__).parents[2] / "compose" / "etc"
LAB = {"hub": "hub", "proxy": "proxy", "nodes": ["node1", {"name": "n2", "jump_hosts": ["j@b"]}]}
HOST = "https://hub.example.org:8443"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it runs on the hub's host."""
    for folder in (ETC, ETC / "hub"):
        monkeypatch.syspath_prepend(str(folder))
    import advertised  # type: ignore[import-not-found]

    return advertised  # type: ignore[no-any-return]


def said(module: ModuleType, **traits: Any) -> dict[str, Any]:
    config = Config({"JupyterHub": traits})
    found: dict[str, Any] = module.advertised(config, LAB)
    return found


@pytest.mark.parametrize(
    "traits",
    [
        {},
        {"base_url": "/b/"},
        {"base_url": "/b/", "subdomain_host": HOST},
        {"base_url": "/b/", "hub_routespec": "/b/hub/"},
    ],
)
def test_the_hubs_own_route(module: ModuleType, traits: dict[str, str]) -> None:
    """None stands for the base URL, which the hub's address shows."""
    hub = JupyterHub(config=Config({"JupyterHub": traits}))
    assert (said(module, **traits)["routespec"] or hub.base_url) == hub.hub_routespec


@pytest.mark.parametrize(
    "hook",
    [
        {},
        {"subdomain_hook": "legacy"},
        {"subdomain_hook": lambda name, domain, kind: f"{kind}.{domain}"},
    ],
)
def test_the_host_of_a_service(module: ModuleType, hook: dict[str, Any]) -> None:
    """As the hub's own hook has it, also for a name that is no name of a host."""
    names = ["near", "Over_there"]
    services = [{"name": name, "url": "http://127.0.0.1:1"} for name in names]
    traits = {"subdomain_host": HOST, **hook}
    own = JupyterHub(config=Config({"JupyterHub": traits})).subdomain_hook
    found = said(module, services=services, **traits)["service_hosts"]
    assert found == {name: own(name, "hub.example.org", kind="service") for name in names}
    assert said(module, services=services)["service_hosts"] == {}


def test_routes_of_the_configuration_itself(module: ModuleType) -> None:
    """The proxy's own class counts before its parent, as always in traitlets."""
    config = Config()
    config.Proxy.extra_routes = {"/a/": "http://a"}
    assert module.advertised(config, LAB)["extra_routes"] == {"/a/": "http://a"}
    config.ConfigurableHTTPProxy.extra_routes.update({"/b/": "http://b"})
    assert module.advertised(config, LAB)["extra_routes"] == {"/a/": "http://a", "/b/": "http://b"}
    config.ConfigurableHTTPProxy.extra_routes = '{"/c/": "http://c"}'
    assert module.advertised(config, LAB)["extra_routes"] == {"/c/": "http://c"}


def test_the_ways_to_the_nodes(module: ModuleType) -> None:
    found = said(module, internal_ssl=True)
    assert found["bastions"] == {"n2": ["b"]}
    assert found["proxy_api_url"] == "https://127.0.0.1:8001"
