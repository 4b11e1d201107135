"""Exports a lab as one plain Compose file, which Docker Compose runs without hublab.

The file has images by name, settings as inline `configs` mounted where hublab would have written
them, and fixed values for subnet and ports. `docker compose config` has already resolved the rest:
anchors, extensions, variables.
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
    """The text of the file, from the resolved `config`; `images` gives each service's image."""
    document: dict[str, Any] = {
        "name": name,
        "services": {
            service: plain_service(entry, images.get(service, ""), settings)
            for service, entry in sorted(config["services"].items())
        },
    }
    for section in ("networks", "volumes"):
        if entries := config.get(section):
            document[section] = {
                key: without_name(entry, f"{config['name']}_{key}")
                for key, entry in entries.items()
            }
    if contents := dict(all_contents(config, settings)):
        document["configs"] = {
            key: {"content": escape_variables(text)} for key, text in contents.items()
        }
    used = sorted({str(entry["image"]) for entry in document["services"].values()})
    header = HEADER.format(
        name=name,
        images="".join(f"#   {one}\n" for one in used),
        url=with_base(proxy_url(config), settings.get(BASE_URL)),
        etc=ETC,
    )
    return header + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def plain_service(entry: Mapping[str, Any], image: str, settings: Settings) -> dict[str, Any]:
    """One service without its build instructions, with the files of its settings."""
    kept = {key: value for key, value in entry.items() if key != "build" and value is not None}
    service: dict[str, Any] = copy.deepcopy(kept)
    service["image"] = image or service["image"]
    mounts = [
        mount_of(role, file) for role in roles_of(entry) for file in setting_files(role, settings)
    ]
    if mounts:
        service["configs"] = [*service.get("configs", []), *mounts]
    return service


def roles_of(entry: Mapping[str, Any]) -> list[str]:
    """The roles of a service, as its label lists them."""
    return list(split_label(str((entry.get("labels") or {}).get(LABEL, ""))))


class Octal(int):
    """A file mode, which YAML shows in octal digits."""


yaml.SafeDumper.add_representer(
    Octal, lambda dumper, mode: dumper.represent_scalar("tag:yaml.org,2002:int", f"0{mode:o}")
)


def mount_of(role: str, file: File) -> dict[str, Any]:
    """The mount of a file, with its owner and mode, because settings may contain tokens."""
    return {
        "source": config_name(role, file.name),
        "target": f"{ETC}/{file.name}",
        "uid": str(file.uid),
        "gid": str(file.uid),
        "mode": Octal(file.mode),
    }


def setting_files(role: str, settings: Settings) -> list[File]:
    """The files of one role; empty ones are left out."""
    files = files_for([role], settings) if settings else []
    return [file for file in files if file.content not in (b"", b"{}")]


def all_contents(config: Mapping[str, Any], settings: Settings) -> Iterator[tuple[str, str]]:
    """Every inline file: its name in `configs` and its content."""
    for role in sorted({role for entry in config["services"].values() for role in roles_of(entry)}):
        for file in setting_files(role, settings):
            yield config_name(role, file.name), file.content.decode()


def config_name(role: str, file: str) -> str:
    return f"{role}-{file.replace('.', '-')}"


def escape_variables(text: str) -> str:
    """Escape a text so that Compose substitutes no variables in it."""
    return text.replace("$", "$$")


def without_name(entry: Mapping[str, Any] | None, project_name: str) -> dict[str, Any]:
    """A network or volume without the name that Compose derived from the project's."""
    kept = dict(entry or {})
    if kept.get("name") == project_name:
        del kept["name"]
    return kept


def proxy_url(config: Mapping[str, Any]) -> str:
    """The URL under which the proxy is published."""
    for entry in config["services"].values():
        if "proxy" in roles_of(entry):
            for port in entry.get("ports") or []:
                return f"http://{port.get('host_ip', '127.0.0.1')}:{port['published']}/"
    return "the proxy's address"


def machine_paths(config: Mapping[str, Any]) -> list[str]:
    """The bind mounts of the services, whose sources another machine does not have."""
    return [
        f"{service}: {mount['source']}"
        for service, entry in sorted(config["services"].items())
        for mount in entry.get("volumes") or []
        if mount.get("type") == "bind"
    ]
