"""`hublab explain`: a setting in the words of the software that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from hublab.cli.common import common, out, steps, table
from hublab.cli.complete import settings as known_settings
from hublab.cli.json_output import emit
from hublab.deployment.role_images import role_images
from hublab.engine import Engine
from hublab.running.base_config import base_values
from hublab.running.lab import Lab
from hublab.running.sources import sources_of
from hublab.settings.destination import destination
from hublab.settings.help import SettingHelp, describe
from hublab.settings.syntax import JSONValue, format_value
from hublab.settings.values import Settings


@click.command()
@click.argument("setting", shell_complete=known_settings)
@common
def explain(setting: str, name: str, as_json: bool) -> None:
    """Show a setting's help, type, default, file and restarts.

    The facts come from the software itself: that of the running lab, else of the images that `up`
    would use. A class alone (hub.JupyterHub), `proxy`, `sshd` or `nginx` lists all of its settings.

    \b
    Examples:
      hublab explain hub.JupyterHub.hub_connect_ip
      hublab explain server.ServerApp.allow_origin --json
      hublab explain proxy.proxy-timeout
      hublab explain hub.SSHSpawner
    """
    engine = Engine.connect()
    images, lab = role_images(engine, name, steps())
    found = describe(engine, images, setting)
    base = base_values(lab) if lab and setting.startswith("hub.") else {}
    if as_json:
        documents = [as_data(one, lab, base) for one in found]
        emit(documents[0] if len(documents) == 1 and documents[0]["key"] == setting else documents)
    elif len(found) == 1:
        show(found[0], lab, base)
    else:
        show_all(found)


def hosts_of(role: str, lab: Lab | None) -> list[str]:
    """The hosts that get a setting's file; without a lab their role."""
    if lab is None:
        return ["each node" if role == "node" else f"the {role}"]
    return [host.service for host in lab.of_role(role)]


def set_in(settings: Settings, key: str) -> JSONValue:
    """The value of a setting that is set; of a kind with many names, each one that is set."""
    values = settings.masked()
    kind, many, _ = key.partition("<")
    if not many:
        return values.get(key)
    return {one: value for one, value in values.items() if one.startswith(kind)} or None


def as_data(one: SettingHelp, lab: Lab | None, base: Mapping[str, str]) -> dict[str, Any]:
    """A setting in the form of `--json`; `lab_sets` is its value in the base configuration."""
    place = destination(one.key)
    here = set_in(lab.settings(), one.key) if lab else None
    trees = sources_of(lab.engine, lab.one(place.role)) if lab and lab.of_role(place.role) else []
    return {
        **asdict(one),
        "sources": [tree.words for tree in trees],
        "set": here,
        "lab_sets": base.get(one.key),
        "file": place.file,
        "hosts": hosts_of(place.role, lab),
        "restarts": place.restarts,
    }


def show(one: SettingHelp, lab: Lab | None, base: Mapping[str, str]) -> None:
    """Print one setting: a line for each fact, then its help."""
    data = as_data(one, lab, base)
    facts = {
        "type": f"{one.type}: {one.takes}" if one.type and one.takes else one.type,
        "choices": ", ".join(one.choices) or None,
        "default": one.default or ("computed when it starts" if one.defined_by else None),
        "defined by": one.defined_by,
        "set here": None if data["set"] is None else format_value(one.key, data["set"]),
        "lab sets": data["lab_sets"],
        "it runs": "; ".join(data["sources"]) or None,
        "written to": f"{data['file']} on {', '.join(data['hosts'])}",
        "to apply": data["restarts"],
    }
    click.echo(one.key)
    for label, value in facts.items():
        if value is not None:
            click.echo(f"  {label + ':':<12} {value}")
    click.echo()
    for line in one.help.splitlines():
        click.echo(f"  {line}".rstrip())


def show_all(found: list[SettingHelp]) -> None:
    """Print the settings of a class, each with the first line of its help."""
    rows = table(None, "SETTING", "TYPE", "DEFAULT", "HELP")
    for one in found:
        first = one.help.strip().partition("\n")[0]
        cells = (one.key, one.type or "", one.default or "", first)
        rows.add_row(*(cell.replace("[", r"\[") for cell in cells))
    out.print(rows)
