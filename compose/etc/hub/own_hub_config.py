"""The user's own jupyterhub_config.py on the hub of a lab, and the traits that the lab sets itself."""

import copy
import getpass
import importlib.machinery
import importlib.util
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import own_config
from absent_modules import absent
from base_config import has_accounts
from own_config import Loaded
from traitlets import TraitError
from traitlets.config import Config

PLACE = "hub, proxy and nodes have hosts of their own here"
PROXY = "the lab's proxy runs on its own host, with a token of its own"
PLAIN = "the lab's proxy uses plain http, and the certificate files are not on its host"
NODES = "the lab has its own nodes, with keys made for this lab"
STORED = "the lab keeps it in a place that is removed with the lab"
SUBDOMAINS = "JupyterHub.subdomain_host"
HOST_ROUTING = (
    "it holds; for the way to users' servers the lab's proxy needs `--set proxy.host-routing=true`, "
    "and the names of their hosts must lead to it (compose/dns.yaml has them for hub.lab)"
)
BY_SSH = "servers start on the lab's nodes by SSH"

RULES = {
    **dict.fromkeys(
        (
            "JupyterHub.ip",
            "JupyterHub.port",
            "JupyterHub.hub_ip",
            "JupyterHub.hub_port",
            "JupyterHub.hub_bind_url",
            "JupyterHub.hub_connect_ip",
            "JupyterHub.hub_connect_port",
            "JupyterHub.hub_connect_url",
            "Spawner.hub_connect_url",
            "SSHSpawner.hub_connect_url",
            "Spawner.ip",
            "SSHSpawner.ip",
        ),
        PLACE,
    ),
    **dict.fromkeys(
        (
            "JupyterHub.proxy_class",
            "JupyterHub.proxy_cmd",
            "JupyterHub.proxy_api_ip",
            "JupyterHub.proxy_api_port",
            "JupyterHub.proxy_auth_token",
            "Proxy.should_start",
            "ConfigurableHTTPProxy.should_start",
            "ConfigurableHTTPProxy.api_url",
            "ConfigurableHTTPProxy.auth_token",
            "ConfigurableHTTPProxy.command",
        ),
        PROXY,
    ),
    **dict.fromkeys(
        ("JupyterHub.ssl_key", "JupyterHub.ssl_cert", "JupyterHub.internal_ssl"), PLAIN
    ),
    **dict.fromkeys(
        (
            "SSHSpawner.hosts",
            "SSHSpawner.known_hosts",
            "SSHSpawner.ssh_client_keys",
            "SSHSpawner.ssh_client_certs",
            "SSHSpawner.ssh_username",
            "SSHSpawner.ssh_agent_path",
            "SSHSpawner.ssh_config_files",
            "SSHSpawner.host_ca_keys",
            "SSHSpawner.jump_hosts",
            "SSHSpawner.connect_address",
        ),
        NODES,
    ),
    **dict.fromkeys(("Spawner.cmd", "SSHSpawner.cmd"), "this is its path on the lab's nodes"),
    "JupyterHub.bind_url": f"{PLACE}; the path of this URL becomes base_url",
    "JupyterHub.spawner_class": BY_SSH,
    "JupyterHub.config_file": "the lab's hub has a file of its own, which loads this one",
    **dict.fromkeys(
        (
            "JupyterHub.db_url",
            "JupyterHub.cookie_secret_file",
            "JupyterHub.pid_file",
            "JupyterHub.extra_log_file",
        ),
        STORED,
    ),
}
OURS = ("Spawner", "SSHSpawner")
SHARED, PASSWORDS = "SharedPasswordAuthenticator", ("user_password", "admin_password")
PAM = ("pam", "PAMAuthenticator", "jupyterhub.auth.PAMAuthenticator")
LIMITS = ("mem_limit", "cpu_limit")


def place(etc: Path) -> Path:
    """Where the user's file is on the hub: beside the files of its folder."""
    named = etc / "own_name"
    return etc / "own" / named.read_text() if named.exists() else etc / "own" / "none.py"


def apply(c: Config, path: Path, lab: dict[str, Any]) -> list[own_config.Override]:
    """Merge the user's file, if there is one, into the base configuration `c`.

    Returns the ignored values. Raises own_config.Broken for a file that does not run.
    """
    return merge(c, own_config.run(path), lab) if path.exists() else []


def merge(c: Config, loaded: Loaded, lab: dict[str, Any]) -> list[own_config.Override]:
    """Merge what a file came to into `c`; returns the values that do not hold, with their lines."""
    theirs = copy.deepcopy(loaded.config)
    spawner = theirs.JupyterHub.get("spawner_class")
    reason = why_no_sign_in(theirs.JupyterHub.get("authenticator_class", "pam"), lab)
    rules = dict(RULES)
    if reason:
        rules["JupyterHub.authenticator_class"] = reason
    ours = ssh_spawner(spawner)
    if ours:
        del rules["JupyterHub.spawner_class"]  # such as a subclass of the lab's spawner
    names = spawner_names(ours, spawner)
    replaced = remove_other_spawners(theirs, names) + replaced_defaults(c, theirs, reason)
    for key in [one for one in rules if is_default(one, c, theirs)]:
        del rules[key]
    keep_prefix(c, theirs)
    keep_allowed(c, theirs)
    replaced += remove_services(theirs) + remove_limits(theirs)
    listed = [*own_config.merge(c, theirs, rules), *replaced]
    if not reason and "authenticator_class" in theirs.JupyterHub:
        listed += sign_in_note(theirs.JupyterHub.authenticator_class)
    listed += [note(f"{SHARED}.{one}", SHARED) for one in PASSWORDS if one in theirs.get(SHARED, {})]
    if theirs.JupyterHub.get("subdomain_host") and lab["proxy"] != lab["hub"]:
        host = theirs.JupyterHub.subdomain_host
        listed.append(own_config.override(SUBDOMAINS, host, None, HOST_ROUTING, kind="not here"))
    for one in listed:
        one["line"] = loaded.line(one["trait"])
    return listed


def is_default(key: str, c: Config, theirs: Config) -> bool:
    """Whether the file says of a setting of the hub what it is anyhow, also in a lab."""
    from jupyterhub.app import JupyterHub

    class_name, _, name = key.partition(".")
    given = class_name == "JupyterHub" and name in theirs.JupyterHub and name not in c.JupyterHub
    return given and theirs.JupyterHub[name] == JupyterHub.class_traits()[name].default_value


def remove_services(theirs: Config) -> list[own_config.Override]:
    """Remove and return the managed services that cannot start here: they would end the hub."""
    given = theirs.JupyterHub.get("services", [])
    removed = []
    for service in own_config.whole_list(given):
        if not isinstance(service, dict):
            continue
        missing, user = missing_part(service), other_user(service)
        if missing or user:
            cause = f"there is no {missing}" if missing else f"only root starts it as {user}"
            why = f"the service {service.get('name')} is left out: {cause}"
            removed.append(
                own_config.override(
                    "JupyterHub.services", missing or user, None, why, kind="not here"
                )
            )
            kept = [one for one in own_config.whole_list(given) if one is not service]
            given = theirs.JupyterHub.services = kept
    return removed


def remove_limits(theirs: Config) -> list[own_config.Override]:
    """Remove and return limits that nothing would enforce: SSHSpawner refuses to start with them."""
    classes = [one for one in theirs.values() if isinstance(one, Config)]
    if any(one.get("limit_backend", "none") != "none" for one in classes):
        return []
    why = "left out: each start would be refused, for nothing enforces it without limit_backend"
    removed = []
    for name in OURS:
        for trait in LIMITS:
            if value := theirs.get(name, {}).pop(trait, None):
                removed.append(
                    own_config.override(f"{name}.{trait}", value, None, why, kind="not in force")
                )
    return removed


def missing_part(service: dict[str, Any]) -> str | None:
    """What a managed service needs and is not here; None if all is."""
    command = [str(part) for part in service.get("command") or ()]
    if not command:
        return None
    folder = Path(service.get("cwd") or Path.cwd())
    if not folder.is_dir():
        return f"folder {folder}"
    if not shutil.which(command[0]):
        return command[0]
    if command[1:2] == ["-m"] and "python" in Path(command[0]).name:
        return missing_module(command[2], folder) if len(command) > 2 else None
    for script in [one for one in command[1:] if one.endswith((".py", ".sh"))]:
        if not (folder / script).exists():
            return script if Path(script).is_absolute() else f"{script} in {folder}"
    return None


def missing_module(name: str, folder: Path) -> str | None:
    """The module of `python -m`, if it is neither in the folder nor installed for this Python."""
    if importlib.machinery.PathFinder.find_spec(name.partition(".")[0], [str(folder)]):
        return None  # `-m` looks into the current folder first
    try:
        found = importlib.util.find_spec(name)
    except ImportError:  # its package is missing
        found = None
    return None if found else f"module {name}"


def other_user(service: dict[str, Any]) -> str | None:
    """The user as whom a managed service is to run, if that is not the hub's own, nor the hub root."""
    user = service.get("user")
    if has_accounts():
        return None
    return str(user) if service.get("command") and user not in (None, getpass.getuser()) else None


def sign_in_note(authenticator: Any) -> list[own_config.Override]:
    """An authenticator with passwords of its own, which hublab does not know."""
    name = authenticator if isinstance(authenticator, str) else authenticator.__name__
    if name in ("shared-password", "null") or (has_accounts() and name in PAM):
        return []
    return [note("JupyterHub.authenticator_class", name)]


def note(key: str, authenticator: str) -> own_config.Override:
    """A setting that holds, and with which the lab's own password is none."""
    why = (
        f"it holds; hublab itself signs users in with the password of `--password-file`, "
        f"which must be one that {authenticator} accepts"
    )
    return own_config.override(key, authenticator, None, why, kind="sign-in")


def keep_allowed(c: Config, theirs: Config) -> None:
    """Where the user's file says who may sign in, the lab does not let everybody in.

    An empty list of users is no rule: JupyterHub's own default for it is the same.
    """
    for class_name, traits in theirs.items():
        if class_name.endswith("Authenticator") and isinstance(traits, Config):
            rules = [name for name in traits if name.startswith("allow") or name == "whitelist"]
            if any(traits[name] not in (set(), [], None) for name in rules):
                c.Authenticator.pop("allow_all", None)


def why_no_sign_in(authenticator: Any, lab: dict[str, Any]) -> str | None:
    """Why users cannot sign in with the user's authenticator in the lab; None if they can."""
    from jupyterhub.app import JupyterHub
    from jupyterhub.auth import LocalAuthenticator

    try:
        found = JupyterHub(
            config=Config({"JupyterHub": {"authenticator_class": authenticator}})
        ).authenticator_class
    except (TraitError, ImportError) as error:
        reason = str(error).splitlines()[0][:120]
        return f"it is not installed in the lab ({reason}); --hub-requirements installs it"
    if module := absent(found):
        reason = f"No module named '{module}'"
        return f"it is not installed in the lab ({reason}); --hub-requirements installs it"
    if issubclass(found, LocalAuthenticator) and not has_accounts():
        return "accounts exist on the nodes only, not on the hub's host"
    if "OAuthenticator" in [base.__name__ for base in found.__mro__] and not lab.get("provider"):
        return "its identity provider is not a host of this lab"
    return None


def ssh_spawner(spawner: Any) -> type | None:
    """The spawner class, if it is the lab's or a subclass of it."""
    from jupyterhub.app import JupyterHub
    from jupyterhub_sshspawner import SSHSpawner

    try:
        found: type = JupyterHub(
            config=Config({"JupyterHub": {"spawner_class": spawner}})
        ).spawner_class
    except (TraitError, ImportError):
        return None
    return found if issubclass(found, SSHSpawner) else None


def spawner_names(ours: type | None, spawner: Any) -> set[str]:
    """The classes ending with Spawner whose settings are in force.

    Another project's spawner may have the same name as the lab's; its settings are not for ours.
    """
    if ours:
        return {base.__name__ for base in ours.__mro__}
    name = spawner if isinstance(spawner, str) else getattr(spawner, "__name__", "")
    return {"Spawner"} if name.rpartition(".")[2] == "SSHSpawner" else set(OURS)


def replaced_defaults(c: Config, theirs: Config, reason: str | None) -> list[own_config.Override]:
    """The defaults of JupyterHub that the lab replaces where the user's file does not set them."""
    replaced = []
    if "authenticator_class" not in theirs.JupyterHub:
        ours = c.JupyterHub.authenticator_class
        replaced.append(
            own_config.override("JupyterHub.authenticator_class", None, ours, str(reason))
        )
    if "spawner_class" not in theirs.JupyterHub:
        ours = c.JupyterHub.spawner_class
        replaced.append(own_config.override("JupyterHub.spawner_class", None, ours, BY_SSH))
    return replaced


def remove_other_spawners(theirs: Config, used: set[str]) -> list[own_config.Override]:
    """Remove and return settings of spawners that the lab does not use."""
    names = [name for name in theirs if name.endswith("Spawner") and name not in used]
    return [
        own_config.override(f"{name}.{trait}", value, None, other(name), kind="not in force")
        for name in names
        for trait, value in theirs.pop(name).items()
    ]


def other(name: str) -> str:
    """Why the settings of a spawner class are not in force."""
    if name == "SSHSpawner":
        return f"this file's SSHSpawner is another project's, not the lab's; {BY_SSH}"
    return BY_SSH


def keep_prefix(c: Config, theirs: Config) -> None:
    """Keep the path of bind_url, which is the prefix of all URLs, as base_url."""
    path = urlsplit(str(theirs.JupyterHub.get("bind_url", ""))).path
    if path.strip("/") and "base_url" not in theirs.JupyterHub:
        c.JupyterHub.base_url = path
