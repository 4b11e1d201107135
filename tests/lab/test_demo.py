"""The demo says what is true after earlier use of its lab, and leaves it as it was."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from lifecycle import HUBLAB, Running, hublab, lab_for_a_test

from hublab.engine import Engine
from hublab.journal.events import HostPower
from hublab.journal.file import read_journal
from hublab.paths import labs_folder
from hublab.running.lab import Lab

SERVICE = {
    "name": "web",
    "url": "http://127.0.0.1:9999",
    "command": ["python3", "-m", "http.server", "9999", "--bind", "127.0.0.1"],
}
"""At a loopback address: right for the hub, which starts it, and wrong for a proxy elsewhere."""


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    """A lab in which alice's server runs on another node than the demo's, and was visited."""
    with lab_for_a_test() as name:
        assert hublab("spawn", "alice", "--on", "node2", "--name", name).returncode == 0
        visit(json.loads(hublab("ps", "--json", "--name", name).stdout)["url"])
        yield name


def visit(url: str) -> None:
    """A visit from this machine, which leaves another client's address in the server's log."""
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{url}user/alice/api/status", timeout=30).close()


def settings_of(name: str) -> object:
    return json.loads(hublab("set", "--json", "--name", name).stdout)["settings"]


def test_the_demo_tells_what_is_there_now(name: str) -> None:
    """The visit of another client and the other node do not confuse it; the hub is healed.

    A proxy that cannot reach its target answers 503 (configurable-http-proxy,
    lib/configproxy.js, `handleProxyError`).
    """
    log = hublab("logs", "alice", "--name", name).stdout
    assert "/user/alice/api/status" in log
    done = hublab("demo", "--json", "--name", name)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    addresses = {host["name"]: host["address"] for host in told["hosts"]}
    assert told["server"]["host"] == "node2"
    assert "on node2" in told["cell"]["stdout"]
    assert {told["client_address"][host] for host in ("client", "hub", "server")} == {
        addresses["client"]
    }
    broken = told["broken"]
    assert (broken["newcomer"], broken["goes_to"], broken["runs_on"]) == ("bob", "node1", "node2")
    assert (broken["status_of_running"], broken["login_status"]) == (200, 503)
    assert "cannot reach the hub at http://127.0.0.1:8081" in broken["reason"]
    assert {(hop["source"], hop["target"]) for hop in broken["broke"]} == {
        ("proxy", "hub"),
        ("node1", "hub API, for a new server"),
    }
    assert {hop["setting"] for hop in broken["broke"]} == {"hub.JupyterHub.hub_connect_ip"}
    assert (broken["healed_login_status"], broken["healed_on"]) == (200, "node1")
    assert settings_of(name) == {}


def test_ctrl_c_heals(name: str) -> None:
    demo = Running(*HUBLAB, "demo", "--name", name)
    demo.wait_for("looking at it as alice")
    assert demo.end(signal.SIGINT) == 130
    assert settings_of(name) == {}
    assert hublab("reach", "--name", name).returncode == 0


def test_a_service_at_a_loopback_address_is_blamed(name: str) -> None:
    """Only the hub's host reaches it there, so the proxy answers 503 to everybody."""
    set_to = f"hub.JupyterHub.services={json.dumps([SERVICE])}"
    assert hublab("set", set_to, "--name", name).returncode == 0
    done = hublab("reach", "--json", "--name", name)
    assert done.returncode == 1
    (broken,) = (hop for hop in json.loads(done.stdout) if not hop["ok"])
    assert (broken["from"], broken["to"]) == ("proxy", "service web")
    assert broken["setting"] == "hub.JupyterHub.services"
    assert "127.0.0.1 is the host proxy itself, not hub" in broken["error"]
    asked = json.loads(hublab("request", "/services/web/", "--json", "--name", name).stdout)
    assert asked["status"] == 503


def test_a_restart_by_hand_is_in_the_journal(name: str) -> None:
    for verb in ("kill", "start"):
        assert hublab(verb, "proxy", "--name", name).returncode == 0
    events = [one for path in journals(name) for one in read_journal(path)]
    powers = [one.event for one in events if isinstance(one.event, HostPower)]
    assert [(one.action, one.host) for one in powers] == [
        ("kill", "proxy"),
        ("start", "proxy"),
    ]
    lab = Lab.find(name, Engine.connect())
    assert not [path for path in journals(name) if lab.secret("password") in path.read_text()]


def journals(name: str) -> list[Path]:
    return sorted((labs_folder() / name).glob("*.ndjson"))
