"""Describes settings as the software that reads them documents itself.

Classes and traits come from traitlets in a throw-away container of the role's own image,
options of the proxy from its `--help`, keywords of sshd from `sshd -T`. Which directives there are
says nginx.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hublab.engine import Engine
from hublab.engine.records import File
from hublab.errors import SettingError
from hublab.paths import ROOT
from hublab.settings.files import ROLE_OF_SCOPE
from hublab.settings.image_software import (
    FOLDER,
    answer_of,
    nginx_directives_of,
    output_of,
    proxy_help,
)
from hublab.settings.nginx_directives import OF_MANY, directive_of
from hublab.settings.syntax import CLASS_SCOPES, SCOPES, check_key, is_snippet
from hublab.settings.values import unknown_setting

SCRIPTS = ("describe_settings.py", "check_settings.py")
OPTION = re.compile(r"^  (?:-\w, )?--([a-z][a-z0-9-]*)( <[^>]+>)?\s*(.*)$")
SSHD = "mkdir -p /run/sshd && ssh-keygen -q -t ed25519 -N '' -f /tmp/key && "
SSHD_DEFAULTS = SSHD + "/usr/sbin/sshd -T -h /tmp/key -f /dev/null"
SUGGESTED = 6
"""How many settings with the same last part a message lists."""


@dataclass(frozen=True, slots=True)
class SettingHelp:
    """The documentation of one setting; None where the software has none."""

    key: str
    help: str
    type: str | None
    takes: str | None
    default: str | None
    choices: tuple[str, ...] = ()
    defined_by: str | None = None


def describe(engine: Engine, images: Mapping[str, str], name: str) -> list[SettingHelp]:
    """Describe a setting, or all settings of a class, of `proxy`, `sshd` or `nginx`.

    Raises SettingError for an unknown setting. Its hint lists settings of any scope that end in the
    same name, or else the nearest names.
    """
    try:
        return describe_exactly(engine, images, name)
    except SettingError as error:
        if name in CLASS_SCOPES:
            raise  # the message lists the classes of the scope
        if same := with_last_part(name.rpartition(".")[2], all_settings(engine, images)):
            raise SettingError(error.message, where=error.where, hint="\n".join(same)) from error
        raise


def with_last_part(name: str, known: Iterable[str]) -> list[str]:
    """The first few settings whose last part is a name, in any capitalisation."""
    found = [key for key in known if key.rpartition(".")[2].lower() == name.lower()]
    return found[:SUGGESTED]


def all_settings(engine: Engine, images: Mapping[str, str]) -> Iterator[str]:
    """Every setting that a lab's software knows, scope by scope."""
    for scope in SCOPES:
        if ROLE_OF_SCOPE[scope] in images:
            yield from settings_of_scope(engine, images, scope)


def settings_of_scope(engine: Engine, images: Mapping[str, str], scope: str) -> Iterator[str]:
    """The settings of one scope."""
    if scope in CLASS_SCOPES:
        # A query for a trait returns the names of all traits, even if that trait does not exist.
        known = query_traits(engine, images[ROLE_OF_SCOPE[scope]], scope, "Any.trait")["known"]
        yield from (f"{scope}.{one}" for one in known)
    else:
        yield from (option.key for option in OPTIONS[scope](engine, images).values())


def describe_exactly(engine: Engine, images: Mapping[str, str], name: str) -> list[SettingHelp]:
    """Describe the setting of exactly this name."""
    scope, _, rest = name.partition(".")
    if scope in CLASS_SCOPES and rest.count(".") == 0 and not is_snippet(name):
        return of_class(engine, images, scope, rest)
    if name not in OPTIONS and not (scope == "nginx" and rest in OF_MANY):
        check_key(name)
    if is_snippet(name):
        text = "Python for what JSON cannot say; `c` is the configuration. Runs last."
        return [SettingHelp(name, text, "Python file", f"{name}=FILE.py", None)]
    if scope in CLASS_SCOPES:
        found = query_traits(engine, images[ROLE_OF_SCOPE[scope]], scope, rest)
        if not found["traits"]:
            raise unknown_setting(name, [f"{scope}.{known}" for known in found["known"]])
        return [trait_help(scope, trait) for trait in found["traits"]]
    if (role := ROLE_OF_SCOPE[scope]) not in images:
        raise SettingError(f"no host of this lab reads {scope}", hint=f"a lab with a {role} host")
    known = OPTIONS[scope](engine, images)
    if not rest:
        return list(known.values())
    if (option := directive_of(rest).lower()) not in known:
        raise unknown_setting(name, [one.key for one in known.values()])
    return [replace(known[option], key=name) if "." in rest else known[option]]


def of_class(engine: Engine, images: Mapping[str, str], scope: str, name: str) -> list[SettingHelp]:
    """All traits of a class. Raises SettingError that names similar classes, or all of them."""
    found = query_traits(engine, images[ROLE_OF_SCOPE[scope]], scope, name)
    if found["traits"]:
        return [trait_help(scope, trait) for trait in found["traits"]]
    near = difflib.get_close_matches(name, found["known"], n=3)
    hint = near or found["known"]
    raise SettingError(
        f"no class {name} reads settings of {scope}" if name else f"{scope} of which class?",
        hint="\n".join(f"{scope}.{one}" for one in hint),
    )


def query_traits(engine: Engine, image: str, scope: str, name: str) -> dict[str, Any]:
    """What the software in an image documents about a class or trait."""
    folder = ROOT / "compose" / "etc"
    files = [File(script, (folder / script).read_bytes()) for script in SCRIPTS]
    script, what = f"{FOLDER}/{SCRIPTS[0]}", "query the software's traits"
    return dict(answer_of(engine, image, script, scope, name, attempted=what, files=files))


def trait_help(scope: str, trait: Mapping[str, Any]) -> SettingHelp:
    return SettingHelp(
        key=f"{scope}.{trait['class']}.{trait['trait']}",
        help=trait["help"],
        type=trait["type"],
        takes=trait["takes"],
        default=trait["default"],
        choices=tuple(trait["choices"] or ()),
        defined_by=trait["defined_by"],
    )


def proxy_options(engine: Engine, images: Mapping[str, str]) -> dict[str, SettingHelp]:
    """The options of configurable-http-proxy by name, from its --help."""
    options = parse_options(proxy_help(engine, images["proxy"]))
    return {option.key.partition(".")[2]: option for option in options}


def parse_options(text: str) -> list[SettingHelp]:
    """Parse a help text of the library commander: one line an option, and continuation lines."""
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
    """The keywords of sshd_config by their lower-case names, with their defaults."""
    argv = ["sh", "-c", SSHD_DEFAULTS]
    text = output_of(engine, images["node"], argv, "list the options of the nodes' sshd")
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        keyword, _, value = line.partition(" ")
        values.setdefault(keyword, []).append(value)
    return {
        keyword: SettingHelp(
            f"sshd.{keyword}", "see sshd_config(5)", "keyword", None, ", ".join(defaults)
        )
        for keyword, defaults in values.items()
    }


def nginx_directives(engine: Engine, images: Mapping[str, str]) -> dict[str, SettingHelp]:
    """The directives that nginx knows by name; it documents neither values nor defaults itself."""
    text = "see nginx.org/en/docs/dirindex.html"
    return {
        name: SettingHelp(
            f"nginx.{name}.<Header>" if name in OF_MANY else f"nginx.{name}",
            text,
            "directive",
            None,
            None,
        )
        for name in nginx_directives_of(engine, images["reverse-proxy"])
    }


OPTIONS = {"proxy": proxy_options, "sshd": sshd_keywords, "nginx": nginx_directives}
"""Scopes of plain options -> what lists them, by name."""
