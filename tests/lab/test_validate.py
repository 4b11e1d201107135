"""`hublab validate`: Compose reads the files, without an engine, and each fault has its line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAB_FILE = Path(__file__).parents[2] / "compose" / "lab.yaml"
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


def bad_file(folder: Path, text: str) -> Path:
    path = folder / "bad.yaml"
    path.write_text(text)
    return path


def validate(*files: Path, **environment: str) -> tuple[int, list[str], str]:
    """Exit code, lines on stdout, and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "hublab", "validate", *map(str, files)],
        env={**os.environ, **NO_ENGINE, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_without_compose_nothing_is_said_of_the_file(tmp_path: Path) -> None:
    """A docker command without the plugin refuses our flags, which says nothing of the file."""
    (tmp_path / "docker").write_text(
        "#!/bin/sh\necho 'unknown flag: --project-name' >&2; exit 125\n"
    )
    (tmp_path / "docker").chmod(0o755)
    code, lines, said = validate(LAB_FILE, PATH=f"{tmp_path}:/usr/bin:/bin")
    assert (code, lines) == (3, [])
    assert "Compose" in said
    assert "hublab doctor --fix" in said


def test_the_projects_own_file_is_valid_without_an_engine() -> None:
    assert validate(LAB_FILE)[:2] == (0, [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [", "{}:1: (file): not YAML: "),
        ("foo: 1\nservices:\n  hub: {image: x}\n", "{}:1: foo: Compose knows no foo here"),
        ("services:\n  hub: [1]\n", "{}:2: services.hub: must be a mapping"),
        (
            "services:\n  hub:\n    image: x\n    networks: [nonet]\n",
            "{}:4: services.hub.networks.nonet: there is no network nonet",
        ),
        ("services:\n  hub:\n    image: x\n    image: y\n", "{}:4: (file): mapping key"),
    ],
)
def test_what_compose_refuses_has_its_line(tmp_path: Path, text: str, line: str) -> None:
    path = bad_file(tmp_path, text)
    code, lines, _ = validate(path)
    assert code == 64
    assert lines[0].startswith(line.format(path)), lines


def test_all_faults_at_once(tmp_path: Path) -> None:
    path = bad_file(
        tmp_path,
        "services:\n"
        "  hub: {image: x, labels: {hublab.role: hubb}, networks: {lab: {}}}\n"
        "networks:\n"
        "  lab: {ipam: {config: [{subnet: nonsense}]}}\n",
    )
    code, lines, _ = validate(path)
    assert code == 64
    assert any(line.startswith(f"{path}:2: services.hub.labels.hublab.role: ") for line in lines)
    assert any(line.startswith(f"{path}:4: networks.lab.ipam.config: ") for line in lines)
    assert len(lines) >= 5


def test_all_faults_at_once_also_where_a_role_is_misspelt(tmp_path: Path) -> None:
    """Such a service has no image, so that the rest of the file cannot be completed."""
    path = bad_file(
        tmp_path,
        "services:\n"
        "  hub: {labels: {hublab.role: hub}, privileged: true}\n"
        "  proxy: {labels: {hublab.role: proxi}}\n"
        "  node: {labels: {hublab.role: node}, command: [sleep, '1'], secrets: [oauth]}\n"
        "secrets: {oauth: {file: ./gone.txt}}\n",
    )
    code, lines, _ = validate(path)
    assert code == 64
    assert [line.removeprefix(f"{path}:").split(": ")[:2] for line in lines] == [
        ["2", "services.hub.privileged"],
        ["3", "services.proxy.labels.hublab.role"],
        ["4", "services.node.command"],
        ["5", "secrets.oauth.file"],
    ]
