"""A topology that reaches outside of its own lab is refused, each way of doing so by name."""

from __future__ import annotations

from typing import Any

import pytest

from hublab.topology.isolation import isolation_problems


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"services": {"init": {"network_mode": "host"}}}, "services.init.network_mode"),
        ({"services": {"x": {"network_mode": "container:a-hub-1"}}}, "services.x.network_mode"),
        ({"services": {"x": {"privileged": True}}}, "services.x.privileged"),
        ({"services": {"x": {"pid": "host"}}}, "services.x.pid"),
        ({"services": {"x": {"cap_add": ["ALL"]}}}, "services.x.cap_add"),
        ({"networks": {"lab": {"external": True}}}, "networks.lab.external"),
        ({"networks": {"lab": {"driver": "macvlan"}}}, "networks.lab.driver"),
        ({"volumes": {"hub": {"external": True}}}, "volumes.hub.external"),
        ({"services": {"x": {"use_api_socket": True}}}, "services.x.use_api_socket"),
        ({"services": {"x": {"volumes_from": ["container:a"]}}}, "services.x.volumes_from"),
        (
            {"volumes": {"all": {"driver_opts": {"type": "none", "o": "bind", "device": "/"}}}},
            "volumes.all.driver_opts",
        ),
        ({"secrets": {"s": {"file": "/var/run/docker.sock"}}}, "secrets.s.file"),
        ({"configs": {"c": {"file": "/proc/sysrq-trigger"}}}, "configs.c.file"),
    ],
)
def test_what_reaches_beyond_the_lab_is_refused(config: dict[str, Any], path: str) -> None:
    assert [".".join(problem[0]) for problem in isolation_problems(config)] == [path]


def test_what_stays_within_the_lab_is_allowed() -> None:
    services = {
        "hub": {"network_mode": None, "cap_add": ["NET_ADMIN"], "privileged": False},
        "side": {"network_mode": "service:hub"},
        "init": {"network_mode": "none"},
    }
    config = {
        "services": services,
        "networks": {"lab": {"driver": "bridge"}, "other": None},
        "volumes": {
            "hub": None,
            "memory": {"driver_opts": {"type": "tmpfs", "device": "tmpfs"}},
            "data": {"driver_opts": {"o": "bind", "device": "/srv/course/data"}},
        },
        "secrets": {"oauth": {"file": "/srv/course/oauth.txt"}},
    }
    assert list(isolation_problems(config)) == []
