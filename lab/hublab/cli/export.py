"""`hublab export`: writes a lab as one Compose file that runs without hublab."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hublab.cli.common import common, err, files_option, out, steps
from hublab.cli.graph import running
from hublab.cli.json_output import emit
from hublab.cli.places import Place
from hublab.deployment.export import compose_file, machine_paths
from hublab.deployment.own_files import NAME as OWN_NAME
from hublab.deployment.plan import make_plan
from hublab.deployment.resolution import resolve
from hublab.deployment.role_images import with_images
from hublab.engine import Engine
from hublab.engine.images import save_images
from hublab.errors import UsageError
from hublab.paths import ETC
from hublab.running.lab import Lab
from hublab.settings.checking import check_settings
from hublab.settings.values import NO_SETTINGS, Settings

FILE = "compose.yaml"
IMAGES = "images.tar"


@dataclass(frozen=True, slots=True)
class Exported:
    """The text of the Compose file, and the images and paths of this machine that it names."""

    text: str
    images: tuple[str, ...]
    paths: tuple[str, ...]


@click.command()
@click.argument("folder", required=False, metavar="[DIR]", type=Place())
@files_option("Export these Compose files instead of a running lab; repeatable.")
@click.option(
    "--set", "texts", multiple=True, metavar="SETTING=VALUE", help="Add a setting; repeatable."
)
@click.option("--images", is_flag=True, help=f"Also write {IMAGES}, for `docker load` elsewhere.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
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
    """Write a lab as one Compose file that runs without hublab.

    The file is DIR/compose.yaml, for `docker compose up`. It describes the lab that runs under the
    name, with its settings; else the Compose files. Its subnet and ports are free at the time of
    the export. Keys and passwords are generated at its first start. Settings may hold secrets, so
    only its owner can read the file. Users, database and servers are not exported.

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
            raise UsageError("the file exists already", where=str(path), hint="--force")
    engine = Engine.connect()
    lab = None if files else running(name)
    exported = export_lab(engine, lab, name, files, Settings.parse(texts, where="--set"))
    write(target / FILE, exported.text)
    if images:
        save_images(exported.images, target / IMAGES)
    for mounted in exported.paths:
        err.print(f"the file mounts a path of this machine: {mounted}", markup=False)
    if lab and engine.read_file(lab.one("hub").id, f"{ETC}/{OWN_NAME}"):
        err.print(
            "the file does not carry your own hub configuration, nor its variables: "
            "mount it and give them there",
            markup=False,
        )
    if as_json:
        emit({"files": [str(path) for path in written], "images": exported.images})
    else:
        for path in written:
            out.print(str(path), markup=False)


def export_lab(
    engine: Engine, lab: Lab | None, name: str, files: Iterable[Path], more: Settings
) -> Exported:
    """The file's text, after building missing images and checking the settings."""
    progress = steps()
    if lab:
        files = lab.compose_files
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
    """Service to image: the images that the lab runs, else those that the files name."""
    images = {name: str(entry.get("image", "")) for name, entry in config["services"].items()}
    if lab:
        present = {one.service: one.image for one in lab.engine.containers(lab.name) if one.service}
        images.update({name: image for name, image in present.items() if name in images})
    return images


def write(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        new.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write the file: {error.strerror}", where=str(path)) from error
