"""Ask the installed software whether it knows some settings and takes their values.

JupyterHub only warns of a trait that it does not know; a lab refuses it. Reads
/tmp/settings.json, a list of sets {"Class": {"trait": value}} whose classes are the same; the
first argument says whose they are, `hub` or `server`. Prints a JSON list: for each set, a list
of what is wrong: key, reason, and for an unknown key all the known ones.
"""

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

from traitlets import HasTraits, TraitError, TraitType
from traitlets.config import Configurable
from traitlets.config.loader import Config, DeferredConfigString

SETTINGS = Path("/tmp/settings.json")
OBJECT = re.compile(r"<(?:[\w.]+\.)?(\w+) object at 0x[0-9a-f]+>")
"""How some reasons name whose trait it is; others say `a JupyterHub`."""
CHOOSING = ("spawner_class", "authenticator_class", "proxy_class")
"""Traits of JupyterHub that say which classes there are to be set."""


def hub_classes(settings: dict[str, dict[str, Any]]) -> list[type[Configurable]]:
    """All classes that this hub reads settings for, those that the settings choose included."""
    from jupyterhub.app import JupyterHub

    chosen = {"spawner_class": "ssh", "authenticator_class": "shared-password"}
    for trait in CHOOSING:
        value = settings.get("JupyterHub", {}).get(trait)
        taken = JupyterHub.class_traits()[trait]
        # One that is not there is reported as a bad value of that trait.
        if isinstance(value, str) and not fault_of("JupyterHub", trait, taken, value):
            chosen[trait] = value
    app = JupyterHub(config=Config({"JupyterHub": chosen}))
    return [*app.classes, type(app), *(getattr(app, trait) for trait in CHOOSING)]


def server_classes() -> list[type[Configurable]]:
    """All classes that jupyterhub-singleuser reads settings for."""
    from jupyter_server.serverapp import ServerApp
    from jupyterhub.singleuser.extension import JupyterHubSingleUser
    from jupyterlab.labapp import LabApp

    return [
        found for app in (ServerApp, JupyterHubSingleUser, LabApp) for found in (app, *app.classes)
    ]


def with_parents(classes: list[type[Configurable]]) -> dict[str, type[Configurable]]:
    """By name, each class and its configurable parents: settings may be given for those too."""
    return {
        parent.__name__: parent
        for found in classes
        for parent in reversed(found.__mro__)
        if issubclass(parent, Configurable) and parent.class_traits(config=True)
    }


def fault_of(
    class_name: str, name: str, trait: TraitType, value: Any, *, written: bool = True
) -> str | None:
    """Why the trait does not take the value; None where it does.

    A text that is `written` as on a command line is for the trait to parse; one of Python is not.
    """
    holder = type(class_name, (HasTraits,), {name: copy.copy(trait)})()
    try:
        if written and isinstance(value, str):
            value = DeferredConfigString(value).get_value(trait)
        setattr(holder, name, value)
    except (TraitError, ValueError, TypeError, ImportError) as error:
        return OBJECT.sub(r"a \1", str(error))
    return None


def faults(
    settings: dict[str, dict[str, Any]], known: dict[str, type[Configurable]]
) -> list[dict[str, Any]]:
    """All that is wrong in one set."""
    keys = [f"{name}.{trait}" for name in known for trait in known[name].class_traits(config=True)]
    wrong: list[dict[str, Any]] = []
    for class_name, traits in settings.items():
        for trait, value in traits.items():
            key = f"{class_name}.{trait}"
            if key not in keys:
                wrong.append({"key": key, "reason": None, "known": keys})
                continue
            reason = fault_of(class_name, trait, known[class_name].class_traits()[trait], value)
            if reason:
                wrong.append({"key": key, "reason": reason, "known": []})
    return wrong


def main() -> None:
    sets = json.loads(SETTINGS.read_text())
    known = with_parents(hub_classes(sets[0]) if sys.argv[1] == "hub" else server_classes())
    print(json.dumps([faults(one, known) for one in sets]))


if __name__ == "__main__":
    main()
