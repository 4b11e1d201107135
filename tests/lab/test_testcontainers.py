"""A lab as a class of testcontainers: what is theirs works, and what would mislead is put right."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from testcontainers.core.wait_strategies import HttpWaitStrategy, LogMessageWaitStrategy

from hublab.engine import Engine
from hublab.errors import HubError, UsageError
from hublab.testcontainers import HubLab

PREFIX = {"hub.JupyterHub.base_url": "/jupyter/"}


@pytest.fixture(scope="module")
def lab() -> Iterator[HubLab]:
    made = HubLab(nodes=3, settings=PREFIX).waiting_for(
        {
            "proxy": HttpWaitStrategy(8000, "/jupyter/hub/api/").for_status_code(200),
            "hub": LogMessageWaitStrategy("JupyterHub is now running"),
        }
    )
    with made as lab:
        yield lab
    assert not Engine.connect().leftovers(lab.lab_name)


def test_a_server_on_another_host(lab: HubLab) -> None:
    server = lab.spawn("alice", on="node3")
    assert server.host == "node3"
    with pytest.raises(HubError, match="runs already, on node3"):
        lab.spawn("alice")
    assert lab.stop_server("alice") > 0


def test_their_accessors(lab: HubLab) -> None:
    """The published port is asked, never the one within."""
    host, port = lab.get_service_host("proxy", 8000), lab.get_service_port("proxy", 8000)
    assert lab.url.startswith(f"http://{host}:{port}")
    assert host == "127.0.0.1"
    with urllib.request.urlopen(f"http://{host}:{port}/jupyter/hub/api/", timeout=30) as reply:
        assert b"version" in reply.read()
    names = {one.Service for one in lab.get_containers()}
    assert names == {"client", "hub", "proxy", "node1", "node2", "node3"}
    said, _ = lab.get_logs("hub")
    assert any(line.startswith("[I ") for line in said.splitlines())
    assert lab.password
    assert lab.api_token


def test_a_port_that_is_not_published(lab: HubLab) -> None:
    for ask in (lab.get_service_port, lab.get_service_host):
        with pytest.raises(UsageError, match="node1 publishes no port 22"):
            ask("node1", 22)
    with pytest.raises(UsageError, match="hub publishes no port 8081"):
        HttpWaitStrategy(8081).wait_until_ready(lab.get_container("hub"))


def test_a_command_that_fails(lab: HubLab) -> None:
    """Its output and code are the answer, not an exception."""
    assert lab.exec_in_container(["sh", "-c", "echo a; echo b >&2; exit 3"], "node1") == (
        "a\n",
        "b\n",
        3,
    )
    out, _, code = lab.exec_in_container(["hostname"])
    assert (out.strip(), code) == ("hub", 0)


def test_what_makes_no_lab_leaves_nothing() -> None:
    lab = HubLab(settings={"hub.JupyterHub.no_such_setting": 1})
    with pytest.raises(UsageError, match="no_such_setting"), lab:
        pytest.fail("there is no lab")
    assert not Engine.connect().leftovers(lab.lab_name)
    with pytest.raises(UsageError, match="there is no such folder"):
        HubLab(hub_source="nowhere")


def test_a_lab_of_somebody_s_stays(lab: HubLab) -> None:
    """Of a name that there is already, neither the refusal nor the block's end removes anything."""
    with pytest.raises(UsageError, match=f"there is a lab {lab.lab_name} already"):
        HubLab(name=lab.lab_name).__enter__()
    assert "hub" in {one.Service for one in lab.get_containers()}


def test_a_coroutine_is_told_how(lab: HubLab) -> None:
    async def spawn() -> None:
        lab.spawn("bob")

    async def enter() -> None:
        HubLab().__enter__()

    for function in (spawn, enter):
        with pytest.raises(UsageError, match="this thread runs a coroutine"):
            asyncio.run(function())


@pytest.mark.parametrize("nodes", [0, 1, 129, "2"])
def test_a_number_of_nodes_that_is_none(nodes: Any) -> None:
    with pytest.raises(UsageError, match="nodes") as refused:
        HubLab(nodes=nodes).__enter__()
    assert refused.value.hint == "a number from 2 to 128"
