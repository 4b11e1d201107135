"""Packages of one's own on hub and nodes: a layer that is built once, in a lab that stays warm."""

from __future__ import annotations

import json
import secrets
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lifecycle import HUBLAB, Running, fresh_name, hublab, left_of, wait_until_gone

from hublab.deployment.layers import is_layered
from hublab.deployment.plan import make_plan
from hublab.deployment.removal import down
from hublab.deployment.role_images import with_images
from hublab.deployment.up_lock import up_lock
from hublab.engine import Engine
from hublab.running.lab import Lab
from hublab.topology.packages import packages_from

BUILDS = "that happens once"
EXTENSION = """\
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join

def _jupyter_server_extension_points():
    return [{"module": "greeting"}]

def _load_jupyter_server_extension(server):
    class Greeting(JupyterHandler):
        def get(self):
            self.finish("greeted by " + __name__)

    path = url_path_join(server.web_app.settings["base_url"], "greeting")
    server.web_app.add_handlers(".*$", [(path, Greeting)])
"""


def wheel(folder: Path, version: str, needs: str = "") -> Path:
    """A wheel of pure Python: an extension of the server."""
    path = folder / f"greeting-{version}-py3-none-any.whl"
    info = f"greeting-{version}.dist-info"
    config = {"ServerApp": {"jpserver_extensions": {"greeting": True}}}
    files = {
        "greeting.py": EXTENSION,
        f"greeting-{version}.data/data/etc/jupyter/jupyter_server_config.d/greeting.json": (
            json.dumps(config)
        ),
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: greeting\nVersion: {version}\n"
            + (f"Requires-Dist: {needs}\n" if needs else "")
        ),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return path


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.connect()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Requirements with a wheel that no run before this one had, and a hub's own of PyPI."""
    made = tmp_path_factory.mktemp("packages")
    one = wheel(made, f"1.{int(secrets.token_hex(3), 16)}")
    (made / "requirements.txt").write_text(f"./{one.name}\njupyterhub==4.1.5\n")
    return made


@pytest.fixture(scope="module", autouse=True)
def remove_images(engine: Engine, folder: Path) -> Iterator[None]:
    """These images are of no use to a later run."""
    before = layered(engine)
    yield
    for name in layered(engine) - before:
        engine.client.api.remove_image(name)


def layered(engine: Engine) -> set[str]:
    images = engine.client.api.images()
    return {name for one in images for name in one.get("RepoTags") or [] if is_layered(name)}


def image_of_nodes(engine: Engine, requirements: Path) -> tuple[str, bool]:
    """The image of the nodes with these requirements, and whether it was built now."""
    said: list[str] = []
    plan = make_plan(packages={"node": packages_from(requirements, None)})
    image = with_images(plan, "no-such-lab", engine, said.append).images["node"]
    return image, any(BUILDS in line for line in said)


def test_an_image_is_built_once_and_again_only_for_other_requirements(
    engine: Engine, folder: Path
) -> None:
    requirements = folder / "requirements.txt"
    first, built = image_of_nodes(engine, requirements)
    assert built
    assert image_of_nodes(engine, requirements) == (first, False)
    text = requirements.read_text()
    requirements.write_text(f"# the nodes' own\n{text}")
    assert image_of_nodes(engine, requirements) == (first, False)
    requirements.write_text(f"{text}jinja2>=3\n")
    other, built = image_of_nodes(engine, requirements)
    assert built
    assert other != first
    requirements.write_text(text)


def test_another_lab_can_come_up_while_packages_are_installed(folder: Path) -> None:
    """The lock is held here as by another `up`, which begins during the installation."""
    name, path = fresh_name(), folder / "other.txt"
    path.write_text(f"./{wheel(folder, f'2.{int(secrets.token_hex(3), 16)}').name}\n")
    up = Running(*HUBLAB, "up", "--name", name, "--node-requirements", str(path))
    up.wait_for(BUILDS)
    with up_lock(print):
        up.wait_for(rf"(?s){BUILDS}.*waiting for it")
        assert up.end(signal.SIGINT) == 130
    assert not left_of(name)


def test_a_warm_server_has_the_extension_of_its_nodes_layer(engine: Engine, folder: Path) -> None:
    """In a server that was forked: the node's parent has imported JupyterHub's own modules only."""
    name = fresh_name()
    options = ("--name", name, "--node-requirements", str(folder / "requirements.txt"))
    try:
        up = hublab("up", "--json", *options)
        assert up.returncode == 0, up.stderr
        notes = {one["name"]: one for one in json.loads(up.stdout)["versions"]}
        assert notes["jupyterhub"]["position"].endswith("requirements.txt:2")
        assert notes["jupyterhub"]["hosts"] == ["node1", "node2"]
        spawned = hublab("spawn", "alice", "--on", "node1", "--name", name)
        assert spawned.returncode == 0, spawned.stderr
        lab = Lab.find(name, engine)
        parents = [
            pid
            for pid, line in engine.commands(lab.hosts["node1"].id).items()
            if line.startswith("jupyterhub-sshspawner keeps a server")
        ]
        assert parents, "the server was started, not forked"
        asked = ("/user/alice/greeting", "--as", "alice", "--enter", "", "--name", name, "--json")
        answer = json.loads(hublab("request", *asked).stdout)
        assert answer["body"] == "greeted by greeting", answer
        again = hublab("up", "--name", name)
        assert again.returncode == 0, again.stderr
        assert is_layered(Lab.find(name, engine).hosts["node1"].image)
        refused = hublab("up", "--name", name, "--hub-requirements", options[-1])
        assert refused.returncode == 64
        assert "other packages on hub" in refused.stderr
    finally:
        down(name, engine)
    wait_until_gone(name)


def test_what_pip_cannot_install_leaves_nothing(folder: Path) -> None:
    """A package for an older JupyterHub does not take the lab's away."""
    name = fresh_name()
    path = folder / "impossible.txt"
    path.write_text(f"# the hub's\n./{wheel(folder, '0.1', needs='jupyterhub<5').name}\n")
    done = hublab("up", "--name", name, "--hub-requirements", str(path))
    assert done.returncode == 64
    assert "depends on jupyterhub<5" in done.stderr
    assert f"where: {path}:2" in done.stderr
    assert not left_of(name)
