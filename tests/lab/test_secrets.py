"""No secret of a lab is to be seen where others look: logs, arguments, journals, the engine."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from lifecycle import hublab, lab_for_a_test

from hublab.engine import Engine
from hublab.paths import ETC, labs_folder
from hublab.running.lab import Lab

PRINT_TOKEN = (
    "for p in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $p 2>/dev/null; done "
    "| sed -n 's/^JUPYTERHUB_API_TOKEN=//p' | sort -u"
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab in which everything was done once that handles a secret."""
    with lab_for_a_test() as name:
        for argv in (
            ("spawn", "alice", "--on", "node1"),
            ("cell", "alice", "1 + 1"),
            ("reach",),
            ("set", "hub.JupyterHub.hub_connect_ip=hub"),
            ("fault", "partition", "hub", "node2", "--for", "1s"),
        ):
            done = hublab(*argv, "--name", name)
            assert done.returncode == 0, done.stderr
        yield Lab.find(name, Engine.connect())


@pytest.fixture(scope="module")
def secrets(lab: Lab) -> set[str]:
    """All that this lab keeps to itself."""
    hub = lab.one("hub").service
    token = lab.output("node1", "sh", "-c", PRINT_TOKEN, user="alice").split()
    assert len(token) == 1
    keys = [lab.output(hub, "cat", f"{ETC}/id_ed25519")]
    keys += [
        lab.output(h.service, "cat", f"{ETC}/ssh_host_ed25519_key") for h in lab.of_role("node")
    ]
    private = {line for key in keys for line in key.splitlines()[1:-1] if len(line) > 30}
    found = lab.secrets() | set(token) | private
    assert len(found) >= 5 + 1 + 3
    return found


COOKIE = re.compile(r"\b(_xsrf|jupyterhub-[\w-]+)=(\"?[\w|.:-]{12,})")
"""A cookie of hub or servers with a value, which is another one for each visitor."""


def shown(secrets: set[str], texts: dict[str, str]) -> list[str]:
    """Where a secret stands; the secret itself is not repeated."""
    found = [
        f"{secret[:3]}… in {place}"
        for place, text in texts.items()
        for secret in secrets
        if secret in text
    ]
    cookies = [(one[1], place) for place, text in texts.items() for one in COOKIE.finditer(text)]
    return found + [f"the cookie {name} in {place}" for name, place in cookies]


def docker(*argv: str) -> str:
    done = subprocess.run(["docker", *argv], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


TELLING = ("up", "ps", "open", "demo")
"""Commands that print the password to their caller."""


def said_by(lab: Lab, *argv: str, **environment: str) -> str:
    done = hublab(*argv, "--name", lab.name, environment={"CI": "", **environment})
    assert done.returncode == 0, argv
    return done.stdout + done.stderr


def test_who_prints_them(lab: Lab, secrets: set[str]) -> None:
    """The password alone, and not where others read the output.

    It comes first, so that the next ones look at what a demo leaves.
    """
    password = lab.secret("password")
    for verb in TELLING:
        text = said_by(lab, verb)
        assert password in text, verb
        hidden = said_by(lab, verb, "--json", CI="true")
        texts = {verb: text.replace(password, ""), f"{verb} where CI is set": hidden}
        assert shown(secrets, texts) == []
        told, _ = json.JSONDecoder().raw_decode(hidden)  # progress is behind it
        assert told.get("sign_in", told)["password"] is None
    told = json.loads(said_by(lab, "ps", "--json", "--show-password", CI="true"))
    assert told["sign_in"] == {"url": told["url"], "user": "alice", "password": password}


def test_what_the_engine_tells(lab: Lab, secrets: set[str]) -> None:
    """`docker inspect`, `docker logs` and `docker top` of every container of the lab."""
    containers = lab.engine.containers(lab.name)
    assert len(containers) > 6  # sidecars are among them
    texts = {}
    for one in containers:
        texts[f"inspect {one.name}"] = docker("inspect", one.id)
        texts[f"logs {one.name}"] = docker("logs", one.id)
        if one.state == "running":
            texts[f"top {one.name}"] = docker("top", one.id, "-eo", "pid,args")
    assert "jupyterhub-singleuser" in texts[f"top {lab.host('node1').name}"]
    assert shown(secrets, texts) == []


def test_what_is_kept_on_this_machine(lab: Lab, secrets: set[str]) -> None:
    """The journals, and nothing else, stand in the lab's folder."""
    files = [path for path in (labs_folder() / lab.name).rglob("*") if path.is_file()]
    assert {"up", "spawn", "reach", "demo"} <= {path.stem.rpartition("-")[2] for path in files}
    assert shown(secrets, {str(path): path.read_text() for path in files}) == []


def test_what_the_nodes_keep(lab: Lab, secrets: set[str]) -> None:
    """The server's own log, and what it can read of the user's home, hold no secret of the lab."""
    log = lab.output("node1", "sh", "-c", "cat ~/.jupyterhub-ssh/*/server.log", user="alice")
    assert "Jupyter Server" in log
    assert shown(secrets, {"server.log": log}) == []


QUIET = (
    ("spawn", "bob", "--on", "node2"),
    ("cell", "alice", "open('/proc/self/cmdline').read()"),
    ("reach", "--json"),
    ("routes", "--json"),
    ("activity", "--json"),
    ("db", "--json"),
    ("request", "/hub/login"),
    ("events", "--for", "1s"),
    ("stop", "bob"),
)
"""Commands whose output is no place for a password."""


def test_a_page_opens_with_the_name_alone(lab: Lab, secrets: set[str], tmp_path: Path) -> None:
    """The address becomes an argument of the browser, which every process here can read."""
    seen, browser = tmp_path / "seen", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > {seen}\n')
    browser.chmod(0o755)
    told = json.loads(said_by(lab, "open", "bob", "--json", BROWSER=str(browser)))
    assert told["opened"] is True
    assert seen.read_text().strip() == told["page"] == f"{told['url']}hub/login?username=bob"
    assert shown(secrets, {"the browser's arguments": seen.read_text()}) == []
    with urllib.request.urlopen(told["page"], timeout=30) as page:
        assert 'value="bob"' in page.read().decode()
        assert COOKIE.search(str(page.headers))  # what `shown` looks for is what there is


def test_a_token_is_its_users_and_is_printed_once(lab: Lab) -> None:
    """The hub's API takes it; the hub's log, the journals and other commands do not have it."""
    token = said_by(lab, "token", "carol").split()[0]  # who has not signed in yet
    url = json.loads(said_by(lab, "ps", "--json"))["url"]
    ask = urllib.request.Request(f"{url}hub/api/user", headers={"Authorization": f"token {token}"})
    with urllib.request.urlopen(ask, timeout=30) as answer:
        assert json.load(answer)["name"] == "carol"
    folder = labs_folder() / lab.name
    texts = {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}
    texts |= {f"logs {one.name}": docker("logs", one.id) for one in lab.hosts.values()}
    texts |= {verb: said_by(lab, verb, "--json") for verb in ("db", "ps")}
    assert shown({token}, texts) == []
    refused = hublab("token", "carol", "--name", lab.name, environment={"CI": "true"})
    assert (refused.returncode, refused.stdout) == (64, "")
    assert "--show-password" in refused.stderr


def test_who_does_not(lab: Lab, secrets: set[str]) -> None:
    texts = {" ".join(argv): said_by(lab, *argv) for argv in QUIET}
    assert shown(secrets, texts) == []


def test_who_may_read_them(lab: Lab) -> None:
    """On the hub's host the hub alone, on nodes and proxy root alone."""
    for host in lab.hosts.values():
        listed = lab.output(host.service, "find", ETC, "-type", "f", "-perm", "/077")
        names = {Path(line).name for line in listed.splitlines()}
        secret = {"password", "admin_password", "api_token", "cookie_secret", "id_ed25519"}
        secret |= {"CONFIGPROXY_AUTH_TOKEN", "ssh_host_ed25519_key", "case.json", "settings.json"}
        allowed = {"settings.json"} if host.role == "node" else set()
        assert names & secret <= allowed, host.service
