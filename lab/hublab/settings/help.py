"""What the running software says of a setting, and where hublab puts it.

Classes and traits come from traitlets in a throw-away container of the role's own image,
options of the proxy from its `--help`, keywords of sshd from `sshd -T`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hublab.engine import Engine
from hublab.engine.records import File
from hublab.errors import SettingError
from hublab.paths import ROOT
from hublab.settings.checking import PYTHON, succeeded
from hublab.settings.files import ROLE_OF_SCOPE
from hublab.settings.syntax import check_key, is_snippet
from hublab.settings.values import unknown_setting

CLASS_SCOPES = ("hub", "server")
SCRIPTS = ("describe_settings.py", "check_settings.py")
OPTION = re.compile(r"^  (?:-\w, )?--([a-z][a-z0-9-]*)( <[^>]+>)?\s*(.*)$")
SSHD = "mkdir -p /run/sshd && ssh-keygen -q -t ed25519 -N '' -f /tmp/key && "
SSHD_DEFAULTS = SSHD + "/usr/sbin/sshd -T -h /tmp/key -f /dev/null"


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a scope's settings land, and what makes them hold."""

    role: str
    file: str
    restarts: str


LANDINGS = {
    "hub": Landing("hub", "/etc/hublab/settings.json", "the hub restarts; servers go on"),
    "server": Landing(
        "node",
        "/etc/hublab/settings.json",
        "nothing restarts; servers that start from then on have it",
    ),
    "proxy": Landing(
        "proxy", "/etc/hublab/proxy.args", "the proxy restarts, and the hub gives its routes back"
    ),
    "sshd": Landing("node", "/etc/hublab/sshd.conf", "sshd reads its file again; connections stay"),
}
SUGGESTED = 6
"""How many settings of the same name are told."""
SNIPPET = "/etc/hublab/snippet.py"


@dataclass(frozen=True, slots=True)
class SettingHelp:
    """What is known of one setting; None where the software does not say."""

    key: str
    help: str
    type: str | None
    takes: str | None
    default: str | None
    choices: tuple[str, ...] = ()
    defined_by: str | None = None


def landing(key: str) -> Landing:
    """Where a setting lands."""
    found = LANDINGS[key.partition(".")[0]]
    return Landing(found.role, SNIPPET, found.restarts) if is_snippet(key) else found


def describe(engine: Engine, images: Mapping[str, str], name: str) -> list[SettingHelp]:
    """What is known of a setting, or of all settings of a class, `proxy` or `sshd`.

    Raises SettingError for one that the software does not know, with those of the same name in
    any scope; else with the nearest names.
    """
    try:
        return known_as(engine, images, name)
    except SettingError as error:
        if name in CLASS_SCOPES:
            raise  # it asks for a class, and its name is no setting's
        if same := same_name(name.rpartition(".")[2], all_settings(engine, images)):
            raise SettingError(error.message, where=error.where, hint="\n".join(same)) from error
        raise


def same_name(name: str, known: Iterable[str]) -> list[str]:
    """The settings that end in a name, however it is capitalised; the first few."""
    found = [key for key in known if key.rpartition(".")[2].lower() == name.lower()]
    return found[:SUGGESTED]


def all_settings(engine: Engine, images: Mapping[str, str]) -> Iterator[str]:
    """Every setting that the software of a lab knows, scope by scope."""
    for scope in CLASS_SCOPES:
        # Any trait's name has the answer hold the names of all traits.
        known = ask(engine, images[ROLE_OF_SCOPE[scope]], scope, "Any.trait")["known"]
        yield from (f"{scope}.{one}" for one in known)
    for options in (proxy_options(engine, images), sshd_keywords(engine, images)):
        yield from (option.key for option in options.values())


def known_as(engine: Engine, images: Mapping[str, str], name: str) -> list[SettingHelp]:
    """What is known of a setting by just this name."""
    scope, _, rest = name.partition(".")
    if scope in CLASS_SCOPES and rest.count(".") == 0 and not is_snippet(name):
        return of_class(engine, images, scope, rest)
    if name not in ("proxy", "sshd"):
        check_key(name)
    if is_snippet(name):
        text = "Python for what JSON cannot say; `c` is the configuration. Runs last."
        return [SettingHelp(name, text, "Python file", f"{name}=FILE.py", None)]
    if scope in CLASS_SCOPES:
        said = ask(engine, images[ROLE_OF_SCOPE[scope]], scope, rest)
        if not said["traits"]:
            raise unknown_setting(name, [f"{scope}.{known}" for known in said["known"]])
        return [trait_help(scope, trait) for trait in said["traits"]]
    known = (proxy_options if scope == "proxy" else sshd_keywords)(engine, images)
    if not rest:
        return list(known.values())
    if rest.lower() not in known:
        raise unknown_setting(name, [one.key for one in known.values()])
    return [known[rest.lower()]]


def of_class(engine: Engine, images: Mapping[str, str], scope: str, name: str) -> list[SettingHelp]:
    """All traits of a class. Raises SettingError naming near classes, or all of them."""
    said = ask(engine, images[ROLE_OF_SCOPE[scope]], scope, name)
    if said["traits"]:
        return [trait_help(scope, trait) for trait in said["traits"]]
    near = difflib.get_close_matches(name, said["known"], n=3)
    hint = near or said["known"]
    raise SettingError(
        f"no class {name} reads settings of {scope}" if name else f"{scope} of which class?",
        hint="\n".join(f"{scope}.{one}" for one in hint),
    )


def ask(engine: Engine, image: str, scope: str, name: str) -> dict[str, Any]:
    """What the software in an image says of a class or trait."""
    folder = ROOT / "compose" / "etc"
    files = [File(script, (folder / script).read_bytes()) for script in SCRIPTS]
    argv = [PYTHON, f"/tmp/{SCRIPTS[0]}", scope, name]
    done = succeeded(engine.run_once(image, argv, files, "/tmp"), "ask the software")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def trait_help(scope: str, said: Mapping[str, Any]) -> SettingHelp:
    return SettingHelp(
        key=f"{scope}.{said['class']}.{said['trait']}",
        help=said["help"],
        type=said["type"],
        takes=said["takes"],
        default=said["default"],
        choices=tuple(said["choices"] or ()),
        defined_by=said["defined_by"],
    )


def proxy_options(engine: Engine, images: Mapping[str, str]) -> dict[str, SettingHelp]:
    """The options of configurable-http-proxy by name, from its own help."""
    argv = ["/opt/chp/node_modules/.bin/configurable-http-proxy", "--help"]
    done = succeeded(engine.run_once(images["proxy"], argv), "ask the proxy for its options")
    return {option.key.partition(".")[2]: option for option in parse_options(done.stdout)}


def parse_options(text: str) -> list[SettingHelp]:
    """Options from a help text of commander: a line each, and lines that go on with it."""
    found: list[tuple[str, str, list[str]]] = []
    for line in text.splitlines():
        if option := OPTION.match(line):
            found.append((option[1], (option[2] or "").strip(), [option[3]]))
        elif found and line.startswith("   "):
            found[-1][2].append(line.strip())
    return [
        SettingHelp(f"proxy.{name}", " ".join(words).strip(), "option", value or "true", None)
        for name, value, words in found
        if name not in ("help", "version")
    ]


def sshd_keywords(engine: Engine, images: Mapping[str, str]) -> dict[str, SettingHelp]:
    """The keywords of sshd_config by their names in small letters, with their defaults."""
    argv = ["sh", "-c", SSHD_DEFAULTS]
    done = succeeded(engine.run_once(images["node"], argv), "ask the nodes' sshd")
    values: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        values.setdefault(keyword, []).append(value)
    return {
        keyword: SettingHelp(
            f"sshd.{keyword}", "see sshd_config(5)", "keyword", None, ", ".join(defaults)
        )
        for keyword, defaults in values.items()
    }
