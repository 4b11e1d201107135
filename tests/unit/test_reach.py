"""Which setting is to blame for an address, and what a new server would be told."""

from __future__ import annotations

import pytest

from hublab.probes.reach import HUB_ADDRESS, TOLD_SERVERS, hub_setting, new_server_api
from hublab.probes.told import HubTold
from hublab.settings import Settings

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
