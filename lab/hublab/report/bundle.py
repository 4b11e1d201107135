"""One archive of a run for an issue elsewhere: report, journals, kept logs and versions."""

from __future__ import annotations

import io
import platform
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hublab.report.kept_runs import JOURNAL, journals_of
from hublab.report.write import title_of, write_whole

OURS = ("hublab", "jupyterhub-sshspawner", "pytest", "docker")
"""Distributions on this machine whose versions a reader wants; the lab's own are in its logs."""


def write_bundle(run: Path, report: Path, target: Path) -> None:
    """Write the archive; replaces `target`. Raises UsageError where it cannot be written.

    It has what the run's folder has: secrets were left out when that was written.
    """
    data = io.BytesIO()
    top = title_of(run)
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        archive.write(report, f"{top}/report.html")
        archive.writestr(f"{top}/versions.txt", versions_here())
        for path in files_of(run):
            inner = path.relative_to(run) if run.is_dir() else Path(JOURNAL)
            archive.write(path, f"{top}/{inner.as_posix()}")
    write_whole(target, data.getvalue())


def files_of(run: Path) -> list[Path]:
    """The journals of a run, and the logs of its tests."""
    if run.is_file():
        return [run]
    return [*journals_of(run), *sorted(run.glob("*/*.log"))]


def versions_here() -> str:
    """The versions of this machine's side, a line each."""
    lines = [f"python {platform.python_version()}", f"{platform.system()} {platform.release()}"]
    for name in OURS:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return "\n".join(lines) + "\n"
