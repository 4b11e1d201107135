"""Check whether the installed software knows some settings and accepts their values.

JupyterHub only warns of an unknown trait; a lab refuses it. Reads /tmp/settings.json, a list of
sets {"Class": {"trait": value}} that choose the same classes. The first argument is their scope,
`hub` or `server`. Prints a JSON list: for each set a list of problems, each with its key, the
reason, and for an unknown key all known ones.
"""

import copy
import importlib
import json
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from traitlets import HasTraits, TraitError, TraitType
from traitlets.config import Configurable
from traitlets.config.loader import Config, DeferredConfigString

SETTINGS = Path("/tmp/settings.json")
OBJECT = re.compile(r"<(?:[\w.]+\.)?(\w+) object at 0x[0-9a-f]+>")
"""How some messages of traitlets name the owner of a trait; others have `a JupyterHub`."""
CHOOSING = ("spawner_class", "authenticator_class", "proxy_class")
"""Traits of JupyterHub that choose the classes whose traits can be set."""


def hub_classes(settings: dict[str, dict[str, Any]]) -> list[type[Configurable]]:
    """All classes that this hub reads settings for, including those that the settings choose."""
    from jupyterhub.app import JupyterHub

    chosen = {"spawner_class": "ssh", "authenticator_class": "shared-password"}
    for trait in CHOOSING:
        value = settings.get("JupyterHub", {}).get(trait)
        class_trait = JupyterHub.class_traits()[trait]
        # A missing class is reported as a bad value of this trait.
        if isinstance(value, str) and not value_problem("JupyterHub", trait, class_trait, value):
            chosen[trait] = value
    app = JupyterHub(config=Config({"JupyterHub": chosen}))
    return [*app.classes, type(app), *(getattr(app, trait) for trait in CHOOSING)]


def server_classes() -> list[type[Configurable]]:
    """All classes that jupyterhub-singleuser reads settings for."""
    from jupyter_server.serverapp import ServerApp
    from jupyterhub.services.auth import HubOAuth
    from jupyterhub.singleuser.extension import JupyterHubSingleUser
    from jupyterlab.labapp import LabApp

    apps = (ServerApp, JupyterHubSingleUser, LabApp)
    listed = (found for app in apps for found in (app, *app.classes))
    return [*listed, HubOAuth, *extension_classes()]  # the server makes it, and does not list it


def extension_classes() -> list[type[Configurable]]:
    """All classes with settings in the packages of the enabled server extensions.

    An extension makes them itself when it is loaded, so no application lists them.
    """
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    manager = ExtensionConfigManager(read_config_path=jupyter_config_path())
    packages = set()
    for name, enabled in manager.get_jpserver_extensions().items():
        if enabled:
            with suppress(Exception):  # the server itself only logs an extension that is broken
                importlib.import_module(name)
                packages.add(name.partition(".")[0])
    found = [one for one in loaded(Configurable) if one.__module__.partition(".")[0] in packages]
    return sorted(found, key=lambda one: (one.__module__, one.__qualname__))


def with_parents(classes: list[type[Configurable]]) -> dict[str, type[Configurable]]:
    """Each class and its configurable parents by name, because settings of parents apply too."""
    return {
        parent.__name__: parent
        for found in classes
        for parent in reversed(found.__mro__)
        if issubclass(parent, Configurable) and parent.class_traits(config=True)
    }


def loaded(base: type) -> set[type]:
    """A class and all its subclasses in this process."""
    return {base}.union(*(loaded(found) for found in base.__subclasses__()))


def loaded_names(base: type) -> set[str]:
    """The names of a class and of all its subclasses in this process."""
    return {found.__name__ for found in loaded(base)}


def value_problem(
    class_name: str, name: str, trait: TraitType, value: Any, *, as_text: bool = True
) -> str | None:
    """Why the trait does not accept the value; None if it does.

    With `as_text` the trait parses a string as if it came from a command line. A string in a
    Python file is not parsed.
    """
    holder = type(class_name, (HasTraits,), {name: copy.copy(trait)})()
    try:
        if as_text and isinstance(value, str):
            value = DeferredConfigString(value).get_value(trait)
        setattr(holder, name, value)
    except (TraitError, ValueError, TypeError, ImportError) as error:
        return OBJECT.sub(r"a \1", str(error))
    return None


def problems(
    settings: dict[str, dict[str, Any]], known: dict[str, type[Configurable]]
) -> list[dict[str, Any]]:
    """All problems of one set."""
    keys = [f"{name}.{trait}" for name in known for trait in known[name].class_traits(config=True)]
    found: list[dict[str, Any]] = []
    for class_name, traits in settings.items():
        for trait, value in traits.items():
            key = f"{class_name}.{trait}"
            if key not in keys:
                found.append({"key": key, "reason": None, "known": keys})
                continue
            reason = value_problem(
                class_name, trait, known[class_name].class_traits()[trait], value
            )
            if reason:
                found.append({"key": key, "reason": reason, "known": []})
    return found


def main() -> None:
    sets = json.loads(SETTINGS.read_text())
    known = with_parents(hub_classes(sets[0]) if sys.argv[1] == "hub" else server_classes())
    print(json.dumps([problems(one, known) for one in sets]))


if __name__ == "__main__":
    main()
