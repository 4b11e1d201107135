"""A single-user server takes its port from JUPYTERHUB_SERVICE_URL, and port 0 means 80 there.

Why it matters: on a node of its own a server cannot listen on a port that the hub has drawn from
its own host. A spawner that leaves the choice to the node must put the port that was chosen into
that URL; whoever puts 0 there, which means any free port elsewhere, gets port 80.

Sources:
- jupyterhub 6.1.1, singleuser/extension.py, `load_config_file`: `if url.port`, else 80 for http and
  443 for https; 0 counts as no port. What the command line says is merged last ("CLI should come
  before env").
- jupyterhub#4450: "always falls back to port 80 in version > 4.x", though `--port` was given; fixed
  by jupyterhub#4451. jupyter/docker-stacks#1862: a spawner's port was 0, the server's 80.
- docs.docker.com, `net.ipv4.ip_unprivileged_port_start=0`: in a container anybody may listen on 80.
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

import pytest

from hublab.scenario import LiveLab, listening, until

pytestmark = pytest.mark.topology("lab")
HUB = "http://hub:8081/hub/api"
BY_HAND = (
    "cd; exec setsid env -i PATH=/opt/jupyter/bin:/usr/bin:/bin HOME=/home/alice USER=alice "
    f"JUPYTERHUB_API_URL={HUB} JUPYTERHUB_API_TOKEN=none JUPYTERHUB_CLIENT_ID=by-hand "
    "JUPYTERHUB_SERVICE_PREFIX=/user/alice/ JUPYTERHUB_SERVICE_URL=$1 "
    'jupyterhub-singleuser $2 >"by-hand-$3.log" 2>&1 </dev/null &'
)
"""What a spawner does, in short: the environment that the server cannot do without."""
RUNNING = re.compile(r"is running at:\n.*http://127\.0\.0\.1:?(\d*)/user/alice/")


class PortChoice(NamedTuple):
    """A URL and an option, and the port on which the server listens."""

    url: str
    option: str
    port: int
    source: str


TABLE = [
    PortChoice("http://127.0.0.1:5555/user/alice/", "", 5555, "load_config_file: url.port"),
    PortChoice("http://127.0.0.1:0/user/alice/", "", 80, "load_config_file: not url.port, http"),
    PortChoice(
        "http://127.0.0.1:0/user/alice/", "--port=6666", 6666, "load_config_file: cli_config"
    ),
]


@pytest.mark.issue("jupyterhub#4450", happens=False, workaround="jupyterhub#4451")
@pytest.mark.issue(
    "jupyter/docker-stacks#1862", happens=True, workaround="a real port in JUPYTERHUB_SERVICE_URL"
)
@pytest.mark.sabotage("hub.JupyterHub.hub_port", 8099)
async def test_port_0_in_the_url_means_80(lab: LiveLab) -> None:
    """Three servers that are started by hand on one node, as a spawner would."""
    for number, row in enumerate(TABLE):
        argv = ("sh", "-c", BY_HAND, "-", row.url, row.option, str(number))
        await lab.run("node1", *argv, user="alice")

    async def port(number: int) -> str:
        path = f"/home/alice/by-hand-{number}.log"
        log = await lab.read_file("node1", path)
        found = RUNNING.search((log or b"").decode())
        return found[1] or "80" if found else ""

    for number, row in enumerate(TABLE):
        what = f"the server for {row.url} {row.option}"
        said = await until(partial(port, number), what=what)
        assert int(said) == row.port, row.source
    ports = {one.port for one in await listening(lab, "node1") if one.address == "127.0.0.1"}
    assert {row.port for row in TABLE} <= ports
