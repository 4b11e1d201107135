"""A lab as one plain Compose file, which Docker Compose runs without hublab.

Images stand there by their names, settings as inline `configs` at the places where hublab would
have put them, subnet and ports as numbers. `docker compose config` has already resolved the
rest: anchors, extensions, variables.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from hublab.engine.records import File
from hublab.paths import ETC
from hublab.roles import LABEL, split_label
from hublab.running.hub_address import BASE_URL, with_base
from hublab.settings.files import files_for
from hublab.settings.values import Settings

HEADER = """\
# {name}: made by `hublab export`. It needs Docker Compose 2.23.1 or newer,
# and these images on its engine:
{images}#
#   docker compose up       the hub is at {url}
#   docker compose exec hub cat {etc}/password        everybody's password
#   docker compose down -v  ends it, and its secrets
"""


def compose_file(
    config: Mapping[str, Any], name: str, images: Mapping[str, str], settings: Settings
) -> str:
    """The text of the file. `config` as Compose resolved it, `images` by service."""
    made: dict[str, Any] = {
        "name": name,
        "services": {
            service: plain_service(entry, images.get(service, ""), settings)
            for service, entry in sorted(config["services"].items())
        },
    }
    for section in ("networks", "volumes"):
        if entries := config.get(section):
            made[section] = {
                key: without_name(entry, f"{config['name']}_{key}")
                for key, entry in entries.items()
            }
    if contents := dict(all_contents(config, settings)):
        made["configs"] = {key: {"content": dollars(text)} for key, text in contents.items()}
    used = sorted({str(entry["image"]) for entry in made["services"].values()})
    header = HEADER.format(
        name=name,
        images="".join(f"#   {one}\n" for one in used),
        url=with_base(url_of(config), settings.get(BASE_URL)),
        etc=ETC,
    )
    return header + yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100)


def plain_service(entry: Mapping[str, Any], image: str, settings: Settings) -> dict[str, Any]:
    """One service without how its image is built, and with its settings."""
    kept = {key: value for key, value in entry.items() if key != "build" and value is not None}
    service: dict[str, Any] = copy.deepcopy(kept)
    service["image"] = image or service["image"]
    mounts = [mount_of(role, file) for role in roles_of(entry) for file in files_of(role, settings)]
    if mounts:
        service["configs"] = [*service.get("configs", []), *mounts]
    return service


def roles_of(entry: Mapping[str, Any]) -> list[str]:
    """What a service is for: its label may name several roles."""
    return list(split_label(str((entry.get("labels") or {}).get(LABEL, ""))))


class Octal(int):
    """A file mode, which people read in octal digits."""


yaml.SafeDumper.add_representer(
    Octal, lambda dumper, mode: dumper.represent_scalar("tag:yaml.org,2002:int", f"0{mode:o}")
)


def mount_of(role: str, file: File) -> dict[str, Any]:
    """Where a service has a file, and whose it is: settings may hold tokens."""
    return {
        "source": config_name(role, file.name),
        "target": f"{ETC}/{file.name}",
        "uid": str(file.uid),
        "gid": str(file.uid),
        "mode": Octal(file.mode),
    }


def files_of(role: str, settings: Settings) -> list[File]:
    """The files of one role; those without a word are left out."""
    files = files_for([role], settings) if settings else []
    return [file for file in files if file.content not in (b"", b"{}")]


def all_contents(config: Mapping[str, Any], settings: Settings) -> Iterator[tuple[str, str]]:
    """Every inline file by its name among the file's `configs`."""
    for role in sorted({role for entry in config["services"].values() for role in roles_of(entry)}):
        for file in files_of(role, settings):
            yield config_name(role, file.name), file.content.decode()


def config_name(role: str, file: str) -> str:
    return f"{role}-{file.replace('.', '-')}"


def dollars(text: str) -> str:
    """A text in which Compose shall not look for variables."""
    return text.replace("$", "$$")


def without_name(entry: Mapping[str, Any] | None, project_name: str) -> dict[str, Any]:
    """A network or volume without the name that Compose derived from the lab's."""
    kept = dict(entry or {})
    if kept.get("name") == project_name:
        del kept["name"]
    return kept


def url_of(config: Mapping[str, Any]) -> str:
    """Where the proxy is published."""
    for entry in config["services"].values():
        if "proxy" in roles_of(entry):
            for port in entry.get("ports") or []:
                return f"http://{port.get('host_ip', '127.0.0.1')}:{port['published']}/"
    return "the proxy's address"


def machine_paths(config: Mapping[str, Any]) -> list[str]:
    """What the services take from this machine's disk, and would miss on another one."""
    return [
        f"{service}: {mount['source']}"
        for service, entry in sorted(config["services"].items())
        for mount in entry.get("volumes") or []
        if mount.get("type") == "bind"
    ]
