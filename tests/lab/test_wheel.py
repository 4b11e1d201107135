"""The two distributions, installed alone: a lab comes up, and somebody else's test has one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lifecycle
import pytest

from hublab.deployment.removal import down
from hublab.engine import Engine
from hublab.errors import UsageError

pytestmark = pytest.mark.slow

EXAMPLE = lifecycle.ROOT / "docs" / "testcontainers.md"
THEIRS = """
import hublab.paths
import pytest
from hublab.scenario import LiveLab

@pytest.mark.matrix("hub.JupyterHub.base_url", ["/", "/jupyter/"])
async def test_a_server_on_another_host(lab: LiveLab, case) -> None:
    assert not hublab.paths.IS_CLONE
    server = await lab.spawn("alice", on="node2")
    assert server.ready
    async with await lab.sign_in("alice") as alice:
        own = case["hub.JupyterHub.base_url"] + "user/alice/"
        assert alice.server_url().path == own, alice.server_url()
"""


def call(*argv: str | Path, cwd: Path) -> str:
    """What a program printed, with nothing of this clone in its environment."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return lifecycle.output_of(*argv, cwd=cwd, environment=environment)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that has the two wheels, and what they need."""
    folder = tmp_path_factory.mktemp("wheels")
    call(sys.executable, lifecycle.ROOT / ".ci" / "dist.py", folder / "dist", cwd=folder)
    call(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    bin_ = folder / "venv" / "bin"
    wheels = sorted((folder / "dist").glob("*.whl"))
    assert len(wheels) == 2
    constraints = lifecycle.ROOT / "lab" / "constraints.txt"
    with_extra = [f"{one}[testcontainers]" if one.name[:6] == "hublab" else one for one in wheels]
    call(bin_ / "pip", "install", "--quiet", "--constraint", constraints, *with_extra, cwd=folder)
    return bin_


@pytest.fixture
def name() -> Iterator[str]:
    name = lifecycle.fresh_name()
    yield name
    down(name, Engine.connect())


def test_a_lab_of_the_wheel_s_own(installed: Path, tmp_path: Path, name: str) -> None:
    """With the images of this clone: their inputs are the same files."""
    hublab = installed / "hublab"
    said = call(hublab, "up", "--name", name, cwd=tmp_path)
    assert "building" not in said
    assert "on node2" in call(
        hublab, "spawn", "alice", "--on", "node2", "--name", name, cwd=tmp_path
    )
    assert f"lab {name} is gone" in call(hublab, "down", "--name", name, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def test_somebody_else_s_test_has_a_lab(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(THEIRS)
    assert "2 passed" in call(installed / "pytest", "-q", cwd=tmp_path)
    assert not (tmp_path / "evidence").exists() or not list((tmp_path / "evidence").iterdir())


def test_what_init_writes_passes(installed: Path, tmp_path: Path) -> None:
    call(installed / "hublab", "init", cwd=tmp_path)
    said = call(installed / "pytest", "-q", "--lab-file", "lab.yaml", "test_lab.py", cwd=tmp_path)
    assert "1 passed" in said


def test_an_authenticator_s_own_test(installed: Path, tmp_path: Path) -> None:
    """The example of docs/testcontainers.md, which shows parts of it as they are."""
    example, page = EXAMPLE.with_suffix(""), EXAMPLE.read_text()
    config = (example / "jupyterhub_config.py").read_text()
    assert config in page
    test = (example / "test_team_authenticator.py").read_text()
    shown = [text for text in page.split("```python\n")[1:] if "team_auth" not in text]
    assert all(text.partition("```")[0] in test for text in shown if "def " in text)
    folder = Path(shutil.copytree(example, tmp_path / "theirs"))
    assert "4 passed" in call(installed / "pytest", "-q", cwd=folder)


def test_what_needs_the_browser_says_so(installed: Path, tmp_path: Path) -> None:
    """The scenarios came with the wheel; ten of their files want what `hublab[browser]` has."""
    done = subprocess.run([installed / "hublab", "findings"], cwd=tmp_path, capture_output=True)
    assert done.returncode == UsageError.exit_code
    assert b"pip install 'hublab[browser]'" in done.stderr
