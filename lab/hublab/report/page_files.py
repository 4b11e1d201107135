"""The page's script and style: in a wheel, else built once from their sources, in the engine.

The result is cached under the digest of its sources, so that a change of them builds it anew.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hublab.errors import MachineError
from hublab.paths import CLONE, IS_CLONE, cache_folder, ensure_dir
from hublab.progress import Progress

SOURCES = CLONE / "lab" / "report_page"
CARRIED = Path(__file__).with_name("page")
"""Where a wheel has the built page."""
SCRIPT, STYLE = "page.js", "page.css"
LEFT_OUT = ("node_modules", "dist")


@dataclass(frozen=True, slots=True)
class PageFiles:
    """What the page is made of, as text."""

    script: str
    style: str


def page_files(progress: Progress) -> PageFiles:
    """The page, built if need be. Raises MachineError or EngineError where it cannot be."""
    folder = CARRIED if (CARRIED / SCRIPT).is_file() else built_page(progress)
    try:
        return PageFiles(*((folder / name).read_text(encoding="utf-8") for name in (SCRIPT, STYLE)))
    except OSError as error:
        raise MachineError(
            f"cannot read the page of reports: {error.strerror}", where=str(folder)
        ) from error


def built_page(progress: Progress) -> Path:
    """The folder of the page of this clone; builds it at the first use."""
    if not IS_CLONE:
        raise MachineError(
            "this installation has no page for reports",
            where=str(CARRIED),
            hint="a wheel that `make dist` made, or a clone of the repository",
        )
    folder = cache_folder() / "report-page" / sources_digest()
    if (folder / SCRIPT).is_file():
        return folder
    progress("building the page of reports; once, and anew when its sources change")
    fresh = Path(tempfile.mkdtemp(dir=ensure_dir(folder.parent)))
    try:
        export("page", fresh, progress)
        fresh.rename(folder)
    except OSError as error:  # another command may have been faster
        if not (folder / SCRIPT).is_file():
            raise MachineError(
                f"cannot keep the page of reports: {error.strerror}", where=str(folder)
            ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def export(target: str, folder: Path, progress: Progress) -> None:
    """Build a target of the page's Dockerfile into a folder. Raises EngineError."""
    # Only a build needs Docker's client and the choice of a base image.
    from hublab.engine import Engine
    from hublab.engine.images import export_files
    from hublab.machine.authorities import authorities
    from hublab.machine.base_image import choose_base

    base = choose_base(Engine.connect(), progress)
    export_files(SOURCES, target, folder, progress, base=base, authorities=authorities())


def sources_digest() -> str:
    """The digest of all that the page is built from."""
    digest = hashlib.sha256()
    for path in sorted(sources()):
        digest.update(f"\0{path.relative_to(SOURCES)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def sources() -> Iterator[Path]:
    """The page's sources, without its tests and what tools put beside them."""
    for path in SOURCES.rglob("*"):
        inner = path.relative_to(SOURCES).parts
        if path.is_file() and inner[0] not in (*LEFT_OUT, "test"):
            yield path
