"""nginx in front of the proxy: its directives are settings, and `reach` knows its hops."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lifecycle
import pytest
from scenarios.origin.https_site import certificate

from hublab.paths import ETC
from hublab.running.lab import Lab

NAME = "nginx-front"
OVERLAY = ("-f", "compose/lab.yaml", "-f", "compose/nginx.yaml")
SIZE = "nginx.client_max_body_size"
PASS = "nginx.proxy_pass"


def hublab(*argv: str) -> subprocess.CompletedProcess[str]:
    return lifecycle.hublab(*argv, "--name", NAME, cwd=lifecycle.ROOT)


@pytest.fixture(scope="module")
def made() -> Iterator[Lab]:
    with lifecycle.lab_of_name(NAME, *OVERLAY, "--set", f"{SIZE}=1k") as lab:
        yield lab


@pytest.fixture
def lab(made: Lab) -> Iterator[Lab]:
    """The lab, without settings after each test."""
    yield made
    if made.settings():
        done = hublab("unset", "--all")
        assert done.returncode == 0, done.stderr


def given(*settings: str) -> None:
    done = hublab("set", *settings)
    assert done.returncode == 0, done.stderr


def status(*argv: str) -> int:
    """Of the answer to a request from the client, through nginx."""
    done = hublab("request", *argv, "--json")
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout)["status"])


def front_hops() -> dict[str, dict[str, Any]]:
    """What `reach` says of the ways to nginx and from it, by their URLs."""
    hops = json.loads(hublab("reach", "--json").stdout)
    return {hop["url"]: hop for hop in hops if "nginx" in (hop["from"], hop["to"])}


def test_a_setting_of_a_new_lab_holds_until_it_is_taken_back(lab: Lab) -> None:
    """Source: nginx's documentation, `client_max_body_size`: 413 for a body that is larger."""
    assert json.loads(hublab("ps", "--json").stdout)["settings"] == {SIZE: "1k"}
    large = ("/hub/nowhere", "--data", "x" * 1025)
    assert status(*large) == 413
    assert status("/hub/nowhere", "--data", "x" * 1023) != 413
    done = hublab("unset", SIZE)
    assert "restarted nginx on nginx" in done.stdout, done.stderr
    assert status(*large) != 413


def test_each_directive_finds_its_place(lab: Lab) -> None:
    """One that only http may have, one of a server, one of a location.

    Source: nginx's documentation, `limit_req_zone` and `limit_req`: 503 for what is too much;
    `server_name`; `add_header`.
    """
    given("nginx.server_name=somewhere", "nginx.add_header.X-Way='through nginx' always")
    answer = json.loads(hublab("request", "/hub/login", "--json").stdout)
    assert answer["headers"]["X-Way"] == "through nginx"
    limit = (
        "nginx.limit_req_zone=$binary_remote_addr zone=one:1m rate=1r/m",
        "nginx.limit_req=zone=one",
    )
    given(*limit)
    assert [status("/hub/login"), status("/hub/login")] == [200, 503]
    site = lab.output("nginx", "cat", f"{ETC}/site.conf")
    before, _, rest = site.partition("server {")
    server, _, location = rest.partition("location / {")
    assert "limit_req_zone $binary" in before
    assert "server_name somewhere;" in server
    assert "limit_req zone=one;" in location
    assert site.count("server_name ") == 1


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("nginx.client_max_body=1m", "nginx.client_max_body_size"),
        ("nginx.proxy_buffering=maybe", 'it must be "on" or "off"'),
        ("nginx.worker_processes=2", '"worker_processes" directive is not allowed here'),
        ("nginx.location=/x", 'directive "location" has no opening "{"'),
        ("nginx.proxy_buffering=off; gzip on", "must be words of one directive"),
    ],
)
def test_what_nginx_does_not_take_changes_nothing(lab: Lab, setting: str, said: str) -> None:
    done = hublab("set", setting)
    assert (done.returncode, done.stdout) == (64, "")
    assert said in done.stderr
    assert f"where: {setting.partition('=')[0]}" in done.stderr or "hint:" in done.stderr
    assert lab.settings() == {}


def test_a_lab_without_nginx_has_none_of_its_settings() -> None:
    name = lifecycle.fresh_name()
    done = lifecycle.hublab("up", "--set", f"{SIZE}=1m", "--name", name)
    assert done.returncode == 64
    assert "no host of this lab reads it" in done.stderr
    assert f"where: {SIZE}" in done.stderr
    assert not lifecycle.left_of(name)


def test_reach_follows_nginx(lab: Lab) -> None:
    """By its site: the port that it listens at, and TLS with a key that only the lab has."""
    assert {url: hop["ok"] for url, hop in front_hops().items()} == {
        "http://nginx/_chp_healthz": True,
        "http://proxy:8000/_chp_healthz": True,
    }
    given("nginx.listen=81")
    hop = front_hops()["http://nginx:81/_chp_healthz"]
    assert (hop["ok"], hop["layer"], hop["status"]) == (True, "HTTP", 200)
    lab.engine.put_files(lab.host("nginx").id, ETC, certificate())
    key = (f"nginx.ssl_certificate={ETC}/site.pem", f"nginx.ssl_certificate_key={ETC}/site.key")
    given("nginx.listen=443 ssl", *key)
    hop = front_hops()["https://nginx/_chp_healthz"]
    assert (hop["ok"], hop["status"]) == (True, 200)


@pytest.mark.parametrize("upstream", ["http://proxy:9000", "http://hub:8081"])
def test_a_wrong_upstream_is_blamed_and_not_nginx(lab: Lab, upstream: str) -> None:
    """Nobody is there, or somebody else."""
    given(f"{PASS}={upstream}")
    broken = {url: hop["setting"] for url, hop in front_hops().items() if not hop["ok"]}
    assert broken == {f"{upstream}/_chp_healthz": PASS}


def test_an_upstream_that_nobody_knows_keeps_nginx_from_starting(lab: Lab) -> None:
    """Source: nginx's documentation, `proxy_pass`: a name is looked up when nginx starts."""
    done = hublab("set", f"{PASS}=http://nosuch:8000")
    assert done.returncode == 1
    assert 'host not found in upstream "nosuch"' in done.stderr
    assert f"`hublab unset {PASS} --name {NAME}`" in done.stderr


def test_a_dead_nginx_is_blamed(lab: Lab) -> None:
    """Its workers are gone with it; the way from its host to the proxy is well."""
    assert hublab("kill", "nginx").returncode == 0
    front, upstream = front_hops().values()
    assert (
        front["error"]
        == f"Connection refused; nginx has ended: see `hublab logs nginx --name {NAME}`"
    )
    assert upstream["ok"]
    done = hublab("start", "nginx")
    assert done.returncode == 0, done.stderr
    assert status("/hub/login") == 200


SUITE = """
import pytest
from hublab.scenario import Ask, ask, credentials

pytestmark = pytest.mark.topology("lab", "nginx")


async def test_front(lab, case):
    async with credentials(lab, None) as who:
        answer = await ask(lab, Ask("/hub/login"), who)
    assert answer.status == int(case["nginx.return"])
"""


def test_pytest_has_a_directive_as_an_axis(lab: Lab, tmp_path: Path) -> None:
    """Each status is what nginx was told to answer itself (ngx_http_rewrite_module, `return`)."""
    before = lab.settings()
    (tmp_path / "test_suite.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--lab-name", NAME,
         "--axis", "nginx.return=204,418"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert lab.settings() == before


@pytest.mark.slow
def test_a_matrix_of_a_directive(lab: Lab) -> None:
    """Without the header no upgrade (tornado/websocket.py, 400), with it the Origin's 403."""
    axis = 'nginx.proxy_set_header.Upgrade=["$http_upgrade", ""]'
    done = hublab(
        "matrix", "--axis", axis, "--probe", "websocket", "--topology", "lab+nginx", "--json"
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["cells"]["websocket"]["short"] for row in rows] == ["403", "400"]
