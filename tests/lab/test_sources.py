"""Working trees of the software under test: they run in place of the releases, warm as those."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import APIError
from lifecycle import ROOT, fresh_name, hublab, lab_of_name

from hublab.checkouts import PACKAGES, PROXY, SHARE
from hublab.deployment.plan import make_plan
from hublab.deployment.role_images import with_images
from hublab.engine import Engine
from hublab.running.lab import Lab

COLD = "does its own imports"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.connect()


@pytest.fixture(scope="module", autouse=True)
def remove_images(engine: Engine) -> Iterator[None]:
    """Images of these trees are of no use to a later run; one that a lab has is somebody else's."""
    before = with_sources(engine)
    yield
    for name in with_sources(engine) - before:
        with contextlib.suppress(APIError):
            engine.client.api.remove_image(name)


def with_sources(engine: Engine) -> set[str]:
    images = engine.client.api.images()
    return {
        name
        for one in images
        for name in one.get("RepoTags") or []
        if name.partition(":")[0].endswith("-source")
    }


def unpack(engine: Engine, role: str, root: str, names: list[str], target: Path) -> None:
    """Copy what an image has into a folder here."""
    image = with_images(make_plan(), "no-such-lab", engine, print).images[role]
    script = 'cd "$1" && shift && tar -c --exclude=__pycache__ "$@" | base64'
    done = engine.run_once(image, ["sh", "-c", script, "-", root, *names])
    assert done.exit_code == 0, done.stderr
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(done.stdout))) as archive:
        archive.extractall(target, filter="data")


@pytest.fixture(scope="module")
def hub(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JupyterHub as a clone has it: package and templates, and nothing built."""
    folder = tmp_path_factory.mktemp("jupyterhub")
    unpack(engine, "hub", PACKAGES, ["jupyterhub"], folder)
    unpack(engine, "hub", SHARE, ["templates"], folder / "share" / "jupyterhub")
    return folder


def set_version(hub: Path, version: str) -> None:
    """JupyterHub sends it as a header, and so do servers: what is asked here."""
    path = hub / "jupyterhub" / "_version.py"
    lines = path.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("__version__ = '")]
    path.write_text("\n".join([*kept, f"__version__ = '{version}'", ""]))


def asked(lab: Lab, path: str, *options: str) -> dict[str, str]:
    """The headers of an answer."""
    done = hublab("request", path, "--name", lab.name, "--json", *options)
    assert done.returncode == 0, done.stderr
    headers = json.loads(done.stdout)["headers"]
    return {name.lower(): value for name, value in dict(headers).items()}


def test_hub_and_servers_are_forked_from_the_tree_and_follow_its_changes(
    engine: Engine, hub: Path
) -> None:
    first, second = (f"6.1.1+test{secrets.token_hex(3)}" for _ in range(2))
    set_version(hub, first)
    with lab_of_name(fresh_name(), "--hub-source", str(hub)) as lab:
        assert asked(lab, "/hub/api/")["x-jupyterhub-version"] == first
        assert COLD not in engine.logs(lab.one("hub").id)
        css = hublab("request", "/hub/static/css/style.min.css", "--name", lab.name, "--json")
        assert json.loads(css.stdout)["status"] == 200, "the release's static files are gone"
        (known,) = json.loads(hublab("ps", "--json", "--name", lab.name).stdout)["sources"]
        assert (known["folder"], known["version"]) == (str(hub), first)
        assert known["hosts"] == ["hub", "node1", "node2"]
        assert str(hub) in hublab("ps", "--name", lab.name).stdout
        told = hublab("explain", "hub.JupyterHub.base_url", "--name", lab.name).stdout
        assert f"it runs:     jupyterhub {first} from {hub}" in told

        spawned = hublab("spawn", "alice", "--on", "node1", "--name", lab.name)
        assert spawned.returncode == 0, spawned.stderr
        assert is_forked(engine, lab, "node1")
        asks = ("/user/alice/api/status", "--as", "alice", "--enter", "")
        assert asked(lab, *asks)["x-jupyterhub-version"] == first

        set_version(hub, second)
        restarted = hublab("restart", "hub", "--name", lab.name)
        assert restarted.returncode == 0, restarted.stderr
        assert "hub, node1, node2" in restarted.stderr
        assert asked(lab, "/hub/api/")["x-jupyterhub-version"] == second
        assert COLD in engine.logs(lab.one("hub").id)
        spawned = hublab("spawn", "bob", "--on", "node1", "--name", lab.name)
        assert spawned.returncode == 0, spawned.stderr
        asks = ("/user/bob/api/status", "--as", "bob", "--enter", "")
        assert asked(lab, *asks)["x-jupyterhub-version"] == second


def is_forked(engine: Engine, lab: Lab, host: str) -> bool:
    """Whether a server of a node was forked from its warm parent."""
    lines = engine.commands(lab.hosts[host].id).values()
    return any(line.startswith("jupyterhub-sshspawner keeps a server") for line in lines)


@pytest.mark.slow
def test_a_tree_that_does_not_start_is_told_and_mended(engine: Engine, hub: Path) -> None:
    """Nothing is restarted with it; and a lab that has not come up is not left."""
    name = fresh_name()
    utils = hub / "jupyterhub" / "utils.py"
    good = utils.read_text()
    set_version(hub, first := f"6.1.1+test{secrets.token_hex(3)}")
    try:
        with lab_of_name(name, "--hub-source", str(hub)) as lab:
            utils.write_text(f"import no_such_module_here\n{good}")
            broken = hublab("restart", "hub", "--name", name)
            assert broken.returncode == 64
            assert "No module named 'no_such_module_here'" in broken.stderr
            assert f"--hub-source {hub}" in broken.stderr
            assert asked(lab, "/hub/api/")["x-jupyterhub-version"] == first
            other = hublab("up", "--name", f"{name}-b", "--hub-source", str(hub))
            assert other.returncode == 64
            assert not engine.leftovers(f"{name}-b")
            utils.write_text(good)
            assert hublab("up", "--name", name).returncode == 0
            check = ("python", "-c", "import jupyterhub.app")
            assert hublab("exec", "hub", "--name", name, "--", *check).returncode == 0
    finally:
        utils.write_text(good)


@pytest.mark.slow
def test_server_and_proxy_of_a_tree(engine: Engine, tmp_path: Path) -> None:
    """Both in one lab; a lab that runs gets no tree of what it has as a release."""
    server, proxy = tmp_path / "server", tmp_path / "proxy"
    unpack(engine, "node", PACKAGES, ["jupyter_server"], server)
    unpack(engine, "proxy", PROXY, ["bin", "lib", "index.js", "package.json"], proxy)
    mark = f"2.21.1+test{secrets.token_hex(3)}"
    with (server / "jupyter_server" / "_version.py").open("a") as file:
        file.write(f"\n__version__ = {mark!r}\n")
    package = proxy / "package.json"
    package.write_text(json.dumps({**json.loads(package.read_text()), "version": "5.9.9"}))
    name = fresh_name()
    options = ("--server-source", str(server), "--proxy-source", str(proxy))
    with lab_of_name(name, *options) as lab:
        spawned = hublab("spawn", "alice", "--on", "node2", "--name", name)
        assert spawned.returncode == 0, spawned.stderr
        asks = ("/user/alice/api", "--as", "alice", "--enter", "", "--name", name, "--json")
        assert mark in hublab("request", *asks).stdout
        logged = engine.logs(lab.one("proxy").id)
        assert "5.9.9" in hublab("ps", "--name", name).stdout
        lib = proxy / "lib" / "configproxy.js"
        lib.write_text("console.log('proxy of a changed tree');\n" + lib.read_text())
        again = hublab("up", "--name", name)
        assert again.returncode == 0, again.stderr
        assert "restarting the proxy" in again.stderr
        assert "proxy of a changed tree" in engine.logs(lab.one("proxy").id).removeprefix(logged)
        back = hublab("request", *asks)
        assert back.returncode == 0, "the routes did not come back"
        refused = hublab("up", "--name", name, "--hub-source", str(tmp_path))
        assert refused.returncode == 64


SCENARIO = """
from hublab.scenario import Ask, ask, credentials

async def test_the_tree(lab):
    async with credentials(lab, None) as nobody:
        here = await ask(lab, Ask("/hub/api/"), nobody)
    assert "%s" in str(here)
"""


@pytest.mark.slow
def test_somebody_s_test_runs_with_a_tree(hub: Path, tmp_path: Path) -> None:
    set_version(hub, version := f"6.1.1+test{secrets.token_hex(3)}")
    (tmp_path / "test_tree.py").write_text(SCENARIO % version)
    argv = [sys.executable, "-m", "pytest", "--hub-source", hub, tmp_path]
    done = subprocess.run([*map(str, argv)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"hublab: --hub-source {hub}" in done.stdout


WITH_ORIGIN = """
_get_of_the_release = RootAPIHandler.get


def _get(self):
    self.set_header("Access-Control-Allow-Origin", "http://tree.lab")
    _get_of_the_release(self)


RootAPIHandler.get = _get
"""


@pytest.mark.slow
def test_a_matrix_asks_the_tree(hub: Path) -> None:
    """What the tree answers stands in the table, and another state of it is another matrix."""
    handlers = hub / "jupyterhub" / "apihandlers" / "hub.py"
    release = handlers.read_text()
    argv = ["matrix", "--axis", "hub.JupyterHub.concurrent_spawn_limit=1,2", "--json"]
    argv += ["--request", "/hub/api/", "--probe", "sign-in", "--hub-source", str(hub)]
    try:
        handlers.write_text(f"{release}{WITH_ORIGIN}")
        done = hublab(*argv)
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)["rows"]
        seen = [row["cells"]["/hub/api/"]["short"] for row in rows]
        assert seen == ["200, origin http://tree.lab"] * 2
        handlers.write_text(f"{release}{WITH_ORIGIN}# another state\n")
        done = hublab(*argv, "--resume")
        assert (done.returncode, "earlier run" in done.stderr) == (64, True), done.stderr
    finally:
        handlers.write_text(release)
