"""`hublab export`: a lab as one plain Compose file that runs without hublab."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hublab.cli.common import common, emit, err, files_option, out, steps
from hublab.cli.graph import running
from hublab.deployment.export import compose_file, machine_paths
from hublab.deployment.plan import make_plan
from hublab.deployment.resolution import resolve
from hublab.deployment.role_images import with_images
from hublab.engine import Engine
from hublab.engine.images import save_images
from hublab.errors import UsageError
from hublab.running.lab import Lab
from hublab.settings.checking import check_settings
from hublab.settings.values import NO_SETTINGS, Settings

FILE = "compose.yaml"
IMAGES = "images.tar"


@dataclass(frozen=True, slots=True)
class Exported:
    """What is written, and from where it was taken."""

    text: str
    images: tuple[str, ...]
    paths: tuple[str, ...]


@click.command()
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
@files_option("Export these Compose files and no running lab; may be said several times.")
@click.option(
    "--set", "texts", multiple=True, metavar="SETTING=VALUE", help="A setting on top; repeatable."
)
@click.option("--images", is_flag=True, help=f"Also write {IMAGES}, for `docker load` elsewhere.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@common
def export(
    folder: Path | None,
    files: tuple[Path, ...],
    texts: tuple[str, ...],
    images: bool,
    force: bool,
    name: str,
    as_json: bool,
) -> None:
    """Write DIR/compose.yaml: the lab with its settings, for `docker compose up` alone.

    Of the lab that runs under the name, with the settings that hold in it; else of the files.
    Subnet and ports are free ones of now. Keys and passwords are made anew at its first start;
    the settings stand in the file as they are, so it is written for its owner only. Users,
    database and servers are not part of it.

    \b
    Examples:
      hublab export
      hublab export my-lab --images
      hublab export broken -f my.yaml --set hub.JupyterHub.hub_connect_ip=127.0.0.1
    """
    target = folder or Path(f"{name}-export")
    written = [target / FILE, *([target / IMAGES] if images else [])]
    for path in written:
        if path.exists() and not force:
            raise UsageError("there is such a file already", where=str(path), hint="--force")
    engine = Engine.connect()
    lab = None if files else running(name)
    exported = export_of(engine, lab, name, files, Settings.parse(texts, where="--set"))
    write(target / FILE, exported.text)
    if images:
        save_images(exported.images, target / IMAGES)
    for path_taken in exported.paths:
        err.print(f"taken from this machine's disk, {path_taken}", markup=False)
    if as_json:
        emit({"files": [str(path) for path in written], "images": exported.images})
    else:
        for path in written:
            out.print(str(path), markup=False)


def export_of(
    engine: Engine, lab: Lab | None, name: str, files: Iterable[Path], more: Settings
) -> Exported:
    """The file's text, with images that exist and settings that the software accepts."""
    progress = steps()
    if lab:
        files = [Path(file) for file in lab.one("hub").config_files.split(",") if file]
    plan, project = make_plan(files), f"{name}-export"[:40]
    prepare = resolve if lab else with_images
    resolved = prepare(plan, project, engine, progress)
    if more:
        check_settings(engine, lab.images if lab else resolved.images, more)
    settings = (lab.settings() if lab else NO_SETTINGS).merged(more)
    images = images_of(lab, resolved.config)
    text = compose_file(resolved.config, project, images, settings)
    paths = tuple(machine_paths(resolved.config))
    return Exported(text, tuple(sorted(set(images.values()))), paths)


def images_of(lab: Lab | None, config: Mapping[str, Any]) -> dict[str, str]:
    """Service to image: those that the lab runs with, else those of the files."""
    images = {name: str(entry.get("image", "")) for name, entry in config["services"].items()}
    if lab:
        present = {one.service: one.image for one in lab.engine.containers(lab.name) if one.service}
        images.update({name: image for name, image in present.items() if name in images})
    return images


def write(path: Path, text: str) -> None:
    """Write a file for its owner alone, complete or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        new.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write there: {error.strerror}", where=str(path)) from error
