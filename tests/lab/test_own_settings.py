"""A hub configuration of one's own: what `up` lists, compared with what the running hub has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_view import disagreements, looking, said_by_file, seen_by_hub
from lifecycle import fresh_name, hublab, wait_until_gone

from hublab.deployment.removal import down
from hublab.engine import Engine
from hublab.running.lab import Lab

CONFIG = """\
import os
import socket
import sys
sys.path.insert(0, os.path.dirname(__file__))
from site_words import LIMIT
c.JupyterHub.base_url = os.environ["HUB_PREFIX"]
c.ConfigurableHTTPProxy.auth_token = os.environ["CONFIGPROXY_AUTH_TOKEN"]
c.JupyterHub.active_server_limit = LIMIT
c.JupyterHub.log_level = "WARN"
c.JupyterHub.tornado_settings.update({"slow_spawn_timeout": 7})
c.JupyterHub.services.append({"name": "peek", "api_token": os.environ["PEEK_TOKEN"]})
c.JupyterHub.load_roles.append({"name": "watch", "users": ["carol"], "scopes": ["list:users"]})
c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.hub_ip = socket.gethostbyname(socket.gethostname())
c.JupyterHub.cookie_max_age_days = 3.5
c.JupyterHub.template_vars = {"announcement": "closed on Monday"}
c.JupyterHub.extra_log_file = "/var/log/jupyterhub.log"
c.JupyterHub.cookie_secret_file = "/data/cookie_secret"
c.JupyterHub.admin_access = True
c.JupyterHub.internal_ssl = True
with open(os.path.join(os.path.dirname(__file__), "name")) as file:
    c.JupyterHub.load_groups = {file.read(): {"users": ["carol"]}}
c.JupyterHub.active_server_limits = 3
c.JupyterHub.logo_file = "/srv/site/logo.png"
c.Jupyterhub.shutdown_on_logout = True
c.NotebookApp.ip = "0.0.0.0"
c.Authenticator.allowed_users = {"bob"}
c.Authenticator.admin_users.add("bob")
c.DummyAuthenticator.password = os.environ["CLASS_PASSWORD"]
c.PAMAuthenticator.open_sessions = False
c.Spawner.environment.update({"LAB_SEEN": "yes"})
c.Spawner.env_keep.append("TZ")
c.Spawner.mem_limit = "1G"
c.Spawner.cmd.append("--debug")
c.Spawner.start_timeout = 50
c.SSHSpawner.start_timeout = 70
c.ConfigurableHTTPProxy.api_url = "http://localhost:8001"


def greet(spawner):
    spawner.log.info("hello")


c.Spawner.pre_spawn_hook = greet
c.SystemdSpawner.isolate_tmp = True
load_subconfig("more.py")
load_subconfig("later.py")
"""
TOPOLOGY = """\
x-node: &node
  labels: ["hublab.role=node", "site.rack=7"]
services:
  hub: {labels: ["hublab.role=hub"], restart: always, environment: {HUB_PREFIX: /prefix/}}
  proxy: {labels: ["hublab.role=proxy"], expose: ["8000"]}
  node1: {<<: *node}
  node2: {<<: *node}
  client: {labels: ["hublab.role=client"]}
  tools: {image: nowhere/nothing, profiles: [tools]}
"""
"""In a site's own spelling; the hub's service gives it a variable, and one service stays out."""
CAMPUS = """\
from jupyterhub.auth import Authenticator
from traitlets import Unicode


class CampusAuthenticator(Authenticator):
    hall = Unicode().tag(config=True)

    async def authenticate(self, handler, data):
        return data["username"]


c.JupyterHub.authenticator_class = CampusAuthenticator
c.CampusAuthenticator.hall = "east"
c.CampusAuthenticator.hal = "west"
c.JupyterHub.spawner_class = "sshspawner.sshspawner.SSHSpawner"
c.SSHSpawner.path = "/opt/conda/bin"
c.SSHSpawner.start_timeout = 11
"""
"""An authenticator of the file's own, and a spawner of another project with the lab's name."""
SECOND = f"""\
{CAMPUS}
import os
import socket
import sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
    way.connect(("198.51.100.7", 9))
    c.JupyterHub.trusted_downstream_ips = [way.getsockname()[0]]
assert not {{"PEEK_TOKEN", "CLASS_PASSWORD"}} & set(os.environ)
assert not os.path.exists(os.path.join(os.path.dirname(__file__), "site_words.py"))
c.JupyterHub.base_url = os.environ["HUB_PREFIX"]
c.JupyterHub.subdomain_host = "https://hub.example.org"
c.Proxy.extra_routes = {{"more.example.org/prefix/more/": "http://node1:9"}}
c.JupyterHub.services = [
    {{"name": "near", "url": "http://127.0.0.1:10101",
     "command": [sys.executable, "-m", "http.server", "10101"]}},
    {{"name": "lost", "command": [sys.executable, "lost.py"]}},
]
"""
"""Another configuration for the same lab, which finds nothing of the first one."""
SECRETS = {"PEEK_TOKEN": "3f" * 16, "CLASS_PASSWORD": "open a sesame 2026"}
KINDS = {
    "JupyterHub.spawner_class": "replaced",
    "JupyterHub.hub_ip": "replaced",
    "JupyterHub.extra_log_file": "replaced",
    "JupyterHub.cookie_secret_file": "replaced",
    "JupyterHub.internal_ssl": "replaced",
    "JupyterHub.active_server_limits": "unknown",
    "JupyterHub.admin_access": "old",
    "JupyterHub.logo_file": "not here",
    "JupyterHub.authenticator_class": "sign-in",
    "Jupyterhub.shutdown_on_logout": "unknown",
    "ConfigurableHTTPProxy.api_url": "replaced",
    "ConfigurableHTTPProxy.auth_token": "replaced",
    "DummyAuthenticator.password": "old",
    "NotebookApp.ip": "not in force",
    "PAMAuthenticator.open_sessions": "not in force",
    "load_subconfig('later.py')": "not here",
    "Spawner.cmd": "replaced",
    "Spawner.mem_limit": "not in force",
    "Spawner.start_timeout": "not in force",
    "SystemdSpawner.isolate_tmp": "not in force",
}
"""What is listed, and as what. `sign-in` and `old` hold all the same: the first says that hublab
needs a password for it, the second that the trait's own help calls it deprecated."""
SEEN = ("seen-first.json", "seen-second.json")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, Any]]]:
    """A lab with this configuration, and what `up` printed of it as JSON."""
    folder = tmp_path_factory.mktemp("own")
    config = folder / "jupyterhub_config.py"
    config.write_text(looking(CONFIG, SEEN[0]))
    (folder / "more.py").write_text("c.JupyterHub.concurrent_spawn_limit = 9\n")
    (folder / "site_words.py").write_text("LIMIT = 7\n")
    (folder / "name").write_text("physics")
    (folder / "password").write_text(SECRETS["CLASS_PASSWORD"] + "\n")
    name = fresh_name()
    (folder / "lab.yaml").write_text(TOPOLOGY)
    words = ["-f", str(folder / "lab.yaml"), "--env", "PEEK_TOKEN", "--env", "CLASS_PASSWORD"]
    done = hublab(
        "up", "--name", name, "--json", "--hub-config", str(config),
        "--password-file", str(folder / "password"), *words, environment=SECRETS,
    )  # fmt: skip
    try:
        assert done.returncode == 0, done.stderr
        assert not [value for value in SECRETS.values() if value in done.stderr]
        own = {"files": str(folder / "lab.yaml"), "config": str(config)}
        yield name, {**json.loads(done.stdout), **own}
    finally:
        down(name, Engine.connect())
    wait_until_gone(name)


def test_each_setting_holds_or_is_listed(lab: tuple[str, dict[str, Any]]) -> None:
    """Setting by setting: what the file says, what `up` lists, and what the running hub has."""
    name, answer = lab
    listed = {one["trait"]: one for one in answer["overridden"]}
    assert {trait: one["kind"] for trait, one in listed.items()} == KINDS
    lines = CONFIG.splitlines()
    for trait, one in listed.items():
        assert trait.replace("'", '"') in lines[one["line"] - 1]
    given = {**SECRETS, "HUB_PREFIX": "/prefix/", "CONFIGPROXY_AUTH_TOKEN": "any"}
    said = said_by_file(Path(answer["config"]), given)
    assert "JupyterHub.concurrent_spawn_limit" in said  # of the file that it loads
    assert set(KINDS) - set(said) == {"load_subconfig('later.py')"}
    seen = seen_by_hub(Lab.find(name, Engine.connect()), SEEN[0])
    assert list(disagreements(said, listed, seen)) == []


def test_a_quiet_hub_has_a_quiet_log(lab: tuple[str, dict[str, Any]]) -> None:
    """Warnings, and the lines of its start: hublab knows the hub's state from these."""
    said = hublab("logs", "hub", "--name", lab[0]).stdout
    assert "JupyterHub is now running" in said
    assert "Initializing 0 spawners" not in said
    assert [line for line in said.splitlines() if "[I " in line and "Hub" not in line] == []


def test_only_whom_the_file_allows_signs_in(lab: tuple[str, dict[str, Any]]) -> None:
    """With the password of the file, by the authenticator of the file."""
    name = lab[0]
    code = "import os; print(os.environ['LAB_SEEN'], os.environ['JUPYTERHUB_BASE_URL'])"
    assert hublab("spawn", "bob", "--name", name).returncode == 0
    cell = hublab("cell", "bob", code, "--name", name)
    assert cell.stdout.strip() == "yes /prefix/", cell.stderr
    refused = hublab("cell", "alice", "1", "--name", name)
    assert refused.returncode != 0
    assert "alice could not sign in: 403" in refused.stderr
    assert "alice could not sign in: 403" in lab[1]["sign_in_refused"]  # `up` tried it
    assert "hint: jupyterhub.auth.DummyAuthenticator refused" in refused.stderr
    said = cell.stderr + refused.stderr + hublab("ps", "--name", name).stderr
    assert SECRETS["PEEK_TOKEN"] not in said


def test_an_export_says_that_it_has_none_of_it(
    lab: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    done = hublab("export", str(tmp_path), "--name", lab[0])
    assert done.returncode == 0, done.stderr
    assert "does not carry your own hub configuration, nor its variables" in done.stderr
    assert "site_words" not in (tmp_path / "compose.yaml").read_text()


def test_another_configuration_has_nothing_of_the_first(
    lab: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    """Nor its variables, files and password; what of its own does not work is told."""
    name = lab[0]
    (tmp_path / "jupyterhub_config.py").write_text(looking(SECOND, SEEN[1]))
    (tmp_path / "campus.py").write_text(CAMPUS)
    words = ("-f", lab[1]["files"], "--hub-config", str(tmp_path / "jupyterhub_config.py"))
    done = hublab("up", "--name", name, "--json", *words)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    listed = {one["trait"]: one for one in answer["overridden"]}
    assert {trait: one["kind"] for trait, one in listed.items() if one["line"]} == {
        "CampusAuthenticator.hal": "unknown",
        "JupyterHub.authenticator_class": "sign-in",
        "JupyterHub.services": "not here",
        "JupyterHub.spawner_class": "replaced",
        "JupyterHub.subdomain_host": "not here",
        "SSHSpawner.path": "not in force",
        "SSHSpawner.start_timeout": "not in force",
    }
    seen = seen_by_hub(Lab.find(name, Engine.connect()), SEEN[1])
    assert list(disagreements(said_by_file(tmp_path / "campus.py", {}), listed, seen)) == []
    assert [(one["setting"], "127.0.0.1 is the host proxy itself" in one["error"])
            for one in answer["unserved"]] == [("hub.JupyterHub.services", True)]  # fmt: skip


def test_the_way_to_a_server_on_a_subdomain(lab: tuple[str, dict[str, Any]]) -> None:
    """The proxy's table has its host, the server does not; hub and proxy agree on all routes."""
    name = lab[0]
    spawned = hublab("spawn", "carol", "--name", name)
    assert spawned.returncode == 0, spawned.stderr
    hops = json.loads(hublab("reach", "--name", name, "--json").stdout)
    ways = [one for one in hops if one["to"] == "carol's server"]
    assert [(one["ok"], one["status"]) for one in ways] == [(True, 200)]
    assert ways[0]["url"].endswith("/prefix/user/carol/api")
    assert "hub.example.org" not in ways[0]["url"]
    checked = hublab("routes", "--check", "--name", name, "--json")
    marks = {one["spec"]: one["mark"] for one in json.loads(checked.stdout)}
    assert set(marks) >= {
        "/",
        "/carol.hub.example.org/prefix/user/carol/",
        "/more.example.org/prefix/more/",
        "/near--service.hub.example.org/prefix/services/near/",
    }
    assert set(marks.values()) == {"agree"}


def test_what_would_fail_on_the_hub_is_refused_with_its_line(
    lab: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    """The try-out is the hub's user, so it cannot write beside the file; the lab stays as it is."""
    name, path = lab[0], tmp_path / "jupyterhub_config.py"
    path.write_text("import os\n\nopen(os.path.join(os.path.dirname(__file__), 'made'), 'w')\n")
    before = state_of_hub(name)
    words = ("-f", lab[1]["files"], "--hub-config", str(path))
    done = hublab("up", "--name", name, *words)
    assert done.returncode == 64
    assert "PermissionError" in done.stderr
    assert f"where: {path}:3" in done.stderr
    assert state_of_hub(name) == before


def state_of_hub(name: str) -> list[str]:
    """The hub's process, and all that is in place for it."""
    lab = Lab.find(name, Engine.connect())
    process = lab.output("hub", "cat", "/run/hublab/hub.pid")
    files = lab.output("hub", "find", "/etc/hublab", "-type", "f", "-printf", "%p %T@ %s\n")
    return [process, *sorted(files.splitlines())]
