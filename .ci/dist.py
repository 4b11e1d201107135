"""Builds the two distributions, and checks that each has what it needs to work without a clone.

.venv/bin/python .ci/dist.py [FOLDER]        default: dist/

The spawner gets a source archive and a wheel made from it; hublab a wheel alone, for much of what
it has lies beside its package in the clone (lab/hatch_build.py).
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.metadata import Metadata

from hublab.report.page_files import SOURCES
from hublab.report.page_files import built_page as page_folder

ROOT = Path(__file__).resolve().parent.parent
NEEDED = {
    "hublab": (
        "hublab/py.typed",
        "hublab/pytest_plugin/__init__.py",
        "hublab/report/page/page.js",
        "hublab/report/page/page.css",
        "hublab/project/.dockerignore",
        "hublab/project/compose/lab.yaml",
        "hublab/project/compose/init/lab.yaml",
        "hublab/project/compose/source/apply",
        "hublab/project/compose/images/Dockerfile",
        "hublab/project/compose/etc/hub/jupyterhub_config.py",
        "hublab/project/scenarios/__init__.py",
        "hublab/project/spawners/pyproject.toml",
        "hublab/project/spawners/jupyterhub_sshspawner/spawner.py",
        "hublab/project/spawners/tests/conformance_rows.py",
    ),
    "jupyterhub-sshspawner": (
        "jupyterhub_sshspawner/py.typed",
        "jupyterhub_sshspawner/launcher/requests.py",
        "jupyterhub_sshspawner/warm/stages.py",
    ),
}
"""Distribution -> files without which a part of it fails only when it is used."""


def main(arguments: Sequence[str]) -> int:
    target = Path(arguments[0] if arguments else ROOT / "dist").absolute()
    target.mkdir(parents=True, exist_ok=True)
    build(ROOT / "spawners", target)
    with built_page():
        build(ROOT / "lab", target, "--wheel")
    problems = [problem for wheel in target.glob("*.whl") for problem in lacks(wheel)]
    for problem in problems:
        print(problem, file=sys.stderr)
    for made in sorted(target.iterdir()):
        print(f"{made.stat().st_size / 1000:6.0f} kB  {made}")
    return int(bool(problems))


@contextlib.contextmanager
def built_page() -> Iterator[None]:
    """Have the page of reports where the hook of the build looks for it."""
    folder = SOURCES / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(page_folder(lambda line: print(line, file=sys.stderr)), folder)
    try:
        yield
    finally:
        shutil.rmtree(folder)


def build(project: Path, target: Path, *options: str) -> None:
    argv = [sys.executable, "-m", "build", *options, "--outdir", str(target), str(project)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def lacks(wheel: Path) -> list[str]:
    """What is wrong with a wheel, a line each."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (described,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        about = Metadata.from_email(archive.read(described))  # raises for what no index takes
    found = [f"{wheel.name} lacks {name}" for name in NEEDED[about.name] if name not in names]
    found += [f"{wheel.name} has {name}" for name in names if "__pycache__" in name]
    if not about.description or about.description_content_type != "text/markdown":
        found.append(f"{wheel.name} has no long description")
    if not any(name.endswith("licenses/LICENSE") for name in names):
        found.append(f"{wheel.name} has no licence")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
