"""Accounts for each setting of a user's hub configuration: what holds; why the rest does not."""

import difflib
import os
import re
import textwrap
from typing import Any

import config_lines
from check_settings import CHOOSING, loaded_names, value_problem
from own_config import Loaded, Override, override
from traitlets import TraitError
from traitlets.config import Config, Configurable
from traitlets.config.loader import LazyConfigValue

OLD = re.compile(r"deprecat|does nothing", re.IGNORECASE)
OF_SERVERS = ("NotebookApp", "ServerApp", "LabApp", "ContentsManager", "KernelManager")
TLS_ONLY = ("internal_certs_location", "trusted_alt_names", "recreate_internal_certs")
READ_FROM = ("template_paths", "logo_file", "data_files_path", "extra_static_paths")
"""The hub only reads there, so that even a relative path must lead somewhere."""
ENDINGS = ("_file", "_path", "_paths", "_dir", "_location")
NODE_PATH = "notebook_dir"
"""A spawner's path on the hosts where its servers run."""
STARTED = ("check_running_interval", "debug", "log_level", "pid_file")
"""What a proxy class is told for a proxy that the hub starts itself."""


class Account:
    """The settings of one file, compared with the classes that this hub uses."""

    def __init__(self, theirs: Loaded, effective: Config) -> None:
        from jupyterhub.app import JupyterHub
        from jupyterhub.auth import Authenticator
        from jupyterhub.proxy import Proxy
        from jupyterhub.spawner import Spawner

        self.theirs = theirs
        self.effective = effective
        chosen = {k: v for k, v in effective.get("JupyterHub", {}).items() if k in CHOOSING}
        hub = JupyterHub(config=Config({"JupyterHub": chosen}))
        self.used = [type(hub), *(getattr(hub, name) for name in CHOOSING)]
        kinds = (Spawner, Authenticator, Proxy)
        others = [one for one in hub.classes if not issubclass(one, kinds)]
        self.in_force: dict[str, list[type[Configurable]]] = {}
        for user in [*self.used, *others]:
            for base in user.__mro__:
                if issubclass(base, Configurable):
                    self.in_force.setdefault(base.__name__, []).append(user)
        self.known = {one.__name__ for one in hub.classes} | loaded_names(Configurable)

    def rest(self, listed: list[Override]) -> tuple[list[Override], list[str], list[Override]]:
        """What else must be listed, what holds, and the values that their traits do not accept."""
        done = {one["trait"] for one in listed}
        refused = refused_by_hub(self.theirs.config, self.effective)
        found: list[Override] = []
        holds: list[str] = []
        wrong: list[Override] = []
        for class_name, traits in self.theirs.config.items():
            if not isinstance(traits, Config):
                found.append(self.entry(class_name, traits, "unknown", "no class has this setting"))
                continue
            for trait, value in traits.items():
                key = f"{class_name}.{trait}"
                if key in done:
                    continue
                if reason := self.why_wrong(class_name, trait, value) or refused.get(key):
                    wrong.append(self.entry(key, value, "wrong", reason))
                elif problem := self.problem(class_name, trait, value):
                    found.append(self.entry(key, value, *problem))
                else:
                    holds.append(key)
        return found, holds, wrong

    def entry(self, key: str, value: Any, kind: str, why: str) -> Override:
        return override(key, value, None, why, kind=kind, line=self.theirs.line(key))

    def trait(self, class_name: str, name: str) -> Any:
        """The trait that a setting is for, None if nothing in force has it."""
        for user in self.in_force.get(class_name, ()):
            traits = user.class_traits(config=True)
            if name in traits:
                return traits[name]
        return None

    def why_wrong(self, class_name: str, name: str, value: Any) -> str | None:
        trait = self.trait(class_name, name)
        if trait is None or isinstance(value, LazyConfigValue):
            return None
        if name == "enable_auth_state" and value is True:
            return no_encryption(self.effective)
        return value_problem(class_name, name, trait, value, as_text=False)

    def problem(self, class_name: str, name: str, value: Any) -> tuple[str, str] | None:
        """Why a setting does not hold as it stands: kind and reason; None if it holds."""
        if class_name not in self.in_force:
            return self.not_in_force(class_name)
        trait = self.trait(class_name, name)
        if trait is None:
            names = [
                n for user in self.in_force[class_name] for n in user.class_traits(config=True)
            ]
            return "unknown", f"{class_name} has no setting {name} here{near(name, names)}"
        if OLD.search(" ".join(str(trait.help).split())[:60]):
            return "old", old_words(trait.help)
        if class_name == "JupyterHub" and name in TLS_ONLY:
            return "not in force", "it means something with internal_ssl only"
        if name in STARTED and self.proxy_stands_alone(class_name):
            return "not in force", "the hub does not start the lab's proxy; see `--set proxy.…`"
        if name in ("mem_guarantee", "cpu_guarantee") and value:
            return "not in force", "SSHSpawner guarantees nothing"
        if class_name != (nearest := self.nearest(class_name, name)):
            return "not in force", f"{nearest}.{name} is set too, and counts"
        if name == NODE_PATH:
            return missing_on_nodes(value)
        return missing_path(name, value)

    def proxy_stands_alone(self, class_name: str) -> bool:
        """Whether a class is one of a proxy that the hub does not start."""
        own = class_name in ("Proxy", "ConfigurableHTTPProxy")
        return own and self.effective.get("ConfigurableHTTPProxy", {}).get("should_start") is False

    def nearest(self, class_name: str, name: str) -> str:
        """The class whose value of a setting counts: the class itself, or one derived from it."""
        counts = class_name
        for user in self.in_force[class_name]:
            named = [b.__name__ for b in user.__mro__ if name in self.effective.get(b.__name__, {})]
            if named[:1] in ([], [class_name]):
                return class_name
            counts = named[0]
        return counts

    def not_in_force(self, class_name: str) -> tuple[str, str]:
        if class_name in OF_SERVERS:
            return "not in force", "a setting of servers: `--server-config` takes their file"
        if class_name in self.known:
            used = ", ".join(one.__name__ for one in self.used[1:])
            return "not in force", f"this hub does not use {class_name}; it uses {used}"
        return "unknown", f"nothing here has a class {class_name}{near(class_name, self.known)}"


def no_encryption(effective: Config) -> str | None:
    """Why the hub cannot keep its users' state, with which it ends; None if it can."""
    from jupyterhub.crypto import CryptKeeper, EncryptionUnavailable

    try:
        CryptKeeper(config=effective).check_available()
    except (EncryptionUnavailable, TraitError, ValueError) as error:  # no key, or none that fits
        return f"enable_auth_state needs a key, for instance --env JUPYTERHUB_CRYPT_KEY: {error}"
    return None


def refused_by_hub(theirs: Config, effective: Config) -> dict[str, str]:
    """The settings of JupyterHub that it refuses beyond their types, and its words."""
    from jupyterhub.app import JupyterHub

    def refusal(config: Config) -> str | None:
        try:
            JupyterHub(config=config)
        except (TraitError, ValueError, TypeError) as error:
            return str(error)
        return None

    if not refusal(effective):
        return {}
    alone = {
        name: refusal(Config({"JupyterHub": {name: value}}))
        for name, value in theirs.get("JupyterHub", {}).items()
    }
    return {f"JupyterHub.{name}": reason for name, reason in alone.items() if reason}


def old_words(text: Any) -> str:
    """The begin of a help that calls its trait deprecated."""
    words = re.sub(r"^\W*deprecated:: (\S+)", r"deprecated since \1:", " ".join(str(text).split()))
    return textwrap.shorten(words, 160, placeholder=" …")


def near(name: str, names: Any) -> str:
    found = difflib.get_close_matches(name, set(names), n=1, cutoff=0.8)
    return f"; did you mean {found[0]}?" if found else ""


def missing_path(name: str, value: Any) -> tuple[str, str] | None:
    """A setting that leads to a file or folder which is not here."""
    if name not in READ_FROM and not name.endswith(ENDINGS):
        return None
    values = value if isinstance(value, (list, tuple)) else [value]
    gone = [
        one if os.path.isabs(one) else f"{one} in {os.getcwd()}"
        for one in values
        if isinstance(one, str) and (name in READ_FROM or os.path.isabs(one))
        if one and not os.path.exists(one)
    ]
    return ("not here", f"there is no {', '.join(gone)} on the hub's host") if gone else None


def missing_on_nodes(value: Any) -> tuple[str, str] | None:
    """A folder of servers that is no user's, and that is not in the lab's images."""
    text = str(value)
    if not os.path.isabs(text) or "{username}" in text or os.path.exists(text):
        return None
    return "not here", f"there is no {text} in the nodes' image: servers do not start without it"


def imports(theirs: Loaded) -> list[Override]:
    """The spawners and authenticators that the file imports and that are not here."""
    return [
        override(
            f"import {module}",
            None,
            None,
            f"{module} is not installed in the lab; the rest of the file holds",
            kind="not here",
            line=config_lines.import_line(theirs.source, module),
        )
        for module in sorted(theirs.absent)
    ]


def subconfigs(theirs: Loaded) -> list[Override]:
    """The subconfigs that the file loads and that are not here."""
    return [
        override(
            f"load_subconfig({name!r})",
            None,
            None,
            "there is no such file here, which JupyterHub passes over without a word",
            kind="not here",
            line=line,
        )
        for name, line in theirs.missing.items()
    ]
