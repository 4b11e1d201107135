"""What `set` says is so: a switch that was cut short is made up for, and none gets lost."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import lifecycle
import pytest

from hublab.running import programs
from hublab.running.lab import Lab
from hublab.running.readiness import ProgramEnded
from hublab.running.settings_lock import settings_lock
from hublab.running.switching import apply_settings, write_files
from hublab.settings.values import Settings

NAME = "set-hold"
INTERVAL = "hub.Spawner.poll_interval"
LISTEN = "sshd.ListenAddress"


def hublab(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the lab of these tests."""
    return lifecycle.hublab(*argv, "--name", NAME)


@pytest.fixture(scope="module")
def made() -> Iterator[Lab]:
    with lifecycle.lab_of_name(NAME) as lab:
        yield lab


@pytest.fixture
def lab(made: Lab) -> Lab:
    """A lab without settings, whatever the test before left."""
    if made.settings():
        done = hublab("unset", "--all")
        assert done.returncode == 0, done.stderr
    return made


def test_a_set_that_was_killed(lab: Lab) -> None:
    """Its settings were written, and its hub not restarted."""
    running = lifecycle.Running(*lifecycle.HUBLAB, "set", f"{INTERVAL}=9", "--name", NAME)
    end = time.monotonic() + 60
    while INTERVAL not in lab.settings():
        assert time.monotonic() < end, running.said
    running.end(signal.SIGKILL)
    listed = json.loads(hublab("set", "--json").stdout)
    assert listed == {"settings": {INTERVAL: "9"}, "due": [INTERVAL]}
    again = hublab("set", f"{INTERVAL}=9")
    assert again.returncode == 0, again.stderr
    assert "restarted hub on hub" in again.stdout
    assert json.loads(hublab("set", "--json").stdout)["due"] == []
    assert "nothing was restarted" in hublab("set", f"{INTERVAL}=9").stdout


def test_a_hub_that_refuses(lab: Lab, tmp_path: Path) -> None:
    """Again and again, and with the command that takes it back."""
    snippet = tmp_path / "refused.py"
    snippet.write_text("raise RuntimeError('no hub today')\n")
    for _ in range(2):
        done = hublab("set", f"hub.snippet={snippet}")
        assert done.returncode == 1
        assert "no hub today" in done.stderr
        assert f"hint: `hublab unset hub.snippet --name {NAME}`" in done.stderr
    assert hublab("unset", "hub.snippet").returncode == 0
    assert programs.status(lab, "hub").up


def test_what_a_hub_refuses_stays_due(lab: Lab) -> None:
    """Also where the switch is a scenario's: it is recorded as in effect while the hub starts."""
    refused = Settings({INTERVAL: "7", "hub.JupyterHub.hub_bind_url": "http://203.0.113.9:8081"})
    with pytest.raises(ProgramEnded):
        asyncio.run(apply_settings(lab, refused))
    assert lab.case() == (refused, tuple(sorted(refused)))
    (done,) = asyncio.run(apply_settings(lab, Settings({INTERVAL: "7"})))
    assert (done.host, done.program, done.reason) == ("hub", "hub", "hub. settings")
    assert lab.case() == (Settings({INTERVAL: "7"}), ())


def test_an_sshd_that_cannot_listen(lab: Lab) -> None:
    for _ in range(2):
        done = hublab("set", f"{LISTEN}=203.0.113.9")
        assert done.returncode == 1
        assert "Cannot bind any address" in done.stderr
        assert f"`hublab unset {LISTEN} --name {NAME}`" in done.stderr
    done = hublab("unset", LISTEN)
    assert done.returncode == 0, done.stderr


def test_a_hub_that_is_down(lab: Lab) -> None:
    """Whatever is set, it runs afterwards."""
    assert hublab("set", f"{INTERVAL}=9").returncode == 0
    programs.kill_if_up(lab, "hub")
    done = hublab("set", f"{INTERVAL}=9")
    assert done.returncode == 0, done.stderr
    assert "restarted hub on hub" in done.stdout
    assert "it was down" in done.stdout


def test_two_at_once(lab: Lab) -> None:
    """The second waits, says so, and then goes on from what the first has left."""

    async def first() -> lifecycle.Running:
        async with settings_lock(NAME, print):
            second = lifecycle.Running(
                *lifecycle.HUBLAB, "set", "server.ServerApp.allow_origin=a", "--name", NAME
            )
            await asyncio.to_thread(second.wait_for, "waiting for that")
            write_files(lab, Settings({"server.ServerApp.max_body_size": "1000"}))
        return second

    second = asyncio.run(first())
    assert second.process.wait(60) == 0
    assert set(lab.settings()) == {
        "server.ServerApp.allow_origin",
        "server.ServerApp.max_body_size",
    }


def test_ports_of_the_proxy_move(lab: Lab) -> None:
    """The base names them too; of two numbers configurable-http-proxy takes neither.

    Source: bin/configurable-http-proxy has parseInt read ports, to which commander gives the value
    before as well: as radix.
    """
    given = ("proxy.port=9000", "proxy.api-port=9001", "proxy.ip=127.0.0.1")
    own = "hub.ConfigurableHTTPProxy.api_url=http://proxy:9001"
    done = hublab("set", *given, own)
    sockets = lab.output("proxy", "cat", "/proc/net/tcp")
    listens = {line.split()[1] for line in sockets.splitlines() if " 0A " in line}
    assert {"0100007F:2328", "00000000:2329"} <= listens, done.stderr
    assert not {address for address in listens if address.endswith((":1F40", ":1F41"))}
    hops = json.loads(hublab("reach", "--json").stdout)
    assert "proxy.port or proxy.ip" in json.dumps(hops)
    assert hublab("routes").returncode == 0


def test_a_setting_of_an_extension(lab: Lab) -> None:
    """No application of the server lists its classes: jupyter_lsp makes its manager itself."""
    key = "server.LanguageServerManager.autodetect"
    done = hublab("set", f"{key}=false")
    assert done.returncode == 0, done.stderr
    assert lab.settings()[key] == "false"
    refused = hublab("set", f"{key}=maybe")
    assert refused.returncode == 64
    assert f"where: {key}" in refused.stderr
    unknown = hublab("set", "server.LanguageServerManager.autodetct=false")
    assert f"hint: {key}" in unknown.stderr
