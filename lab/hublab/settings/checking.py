"""Checks settings with the software that will read them, before anything is changed.

Each check runs in a throw-away container of the role's own image, so that it needs no running lab
and a bad value leaves nothing behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hublab.engine import Engine
from hublab.engine.records import File
from hublab.errors import LabError, SettingError
from hublab.settings.files import ROLE_OF_SCOPE, nginx_file
from hublab.settings.image_software import (
    FOLDER,
    SCRIPTS,
    answer_of,
    nginx_directives_of,
    proxy_help,
)
from hublab.settings.nginx_directives import directive_of
from hublab.settings.values import Settings, unknown_setting

SET_BY_HUB = {
    "ip": "hub.JupyterHub.bind_url",
    "port": "hub.JupyterHub.bind_url",
    "api-ip": "hub.ConfigurableHTTPProxy.api_url",
    "api-port": "hub.ConfigurableHTTPProxy.api_url",
    "error-target": "hub.JupyterHub.hub_connect_url",
    "log-level": "hub.ConfigurableHTTPProxy.log_level",
}
"""Options of a proxy that its hub starts -> the settings that control them. The hub appends its own
values, which override any others. Source: jupyterhub/proxy.py, `ConfigurableHTTPProxy.start`."""

MAKE_SITE = f"{SCRIPTS}/make_site"
"""In the image of a reverse proxy: compose/images/reverse-proxy/make_site."""
NEEDS_LAB = ("host not found in", "bind() to", "cannot load certificate")
"""How nginx begins what it says of a name, an address or a file that only a host of a lab has."""


def check_settings(
    engine: Engine, images: Mapping[str, str], settings: Settings, *, lab: str = ""
) -> None:
    """Raise SettingError for the first setting that the software of the images does not accept.

    `images` gives the image of each role of the lab. The throw-away containers
    belong to `lab`, so that they are removed with it if this process is killed.
    """
    engine = engine.for_lab(lab)
    checks: dict[str, Callable[[Engine, str, dict[str, Any]], None]] = {
        "hub": lambda engine, image, values: check_traits(engine, image, "hub", values),
        "server": lambda engine, image, values: check_traits(engine, image, "server", values),
        "proxy": check_proxy_options,
        "sshd": check_sshd_options,
        "nginx": check_nginx_directives,
    }
    refuse_unread(images, settings)
    for scope, check in checks.items():
        if values := settings.scope(scope):
            if scope == "proxy" and images["proxy"] == images["hub"]:
                refuse_set_by_hub(values)
            check(engine, images[ROLE_OF_SCOPE[scope]], values)
        if (code := settings.snippet(scope)) is not None:
            name = settings.snippet_name(scope)
            check_snippet(engine, images[ROLE_OF_SCOPE[scope]], scope, name, code)


def refuse_unread(images: Mapping[str, str], settings: Settings) -> None:
    """Raise SettingError for a setting that no host of a lab with these images reads."""
    for key in settings:
        role = ROLE_OF_SCOPE[key.partition(".")[0]]
        if role not in images:
            raise SettingError(
                "no host of this lab reads it", where=key, hint=f"a topology with a {role} host"
            )


def check_traits(engine: Engine, image: str, scope: str, values: dict[str, Any]) -> None:
    """Check classes, traits and values with the installed JupyterHub or Jupyter Server."""
    for problem in trait_problems(engine, image, scope, [values])[0]:
        key = f"{scope}.{problem['key']}"
        if problem["reason"] is None:
            raise unknown_setting(key, [f"{scope}.{known}" for known in problem["known"]])
        raise SettingError(problem["reason"], where=key)


def accepted(
    engine: Engine, images: Mapping[str, str], many: Iterable[Settings], *, lab: str = ""
) -> set[str]:
    """The digests of the settings, each of one scope, that `check_settings` would accept.

    One container checks all of them, in the time of a single check. Settings that choose a class,
    and those of proxy, sshd and nginx, are left out.
    """
    engine = engine.for_lab(lab)
    passed: set[str] = set()
    for scope in ("hub", "server"):
        sets = {one.digest: one.scope(scope) for one in many if one.scope(scope)}
        sets = {digest: values for digest, values in sets.items() if not chooses_class(values)}
        if sets:
            image = images[ROLE_OF_SCOPE[scope]]
            problems = trait_problems(engine, image, scope, list(sets.values()))
            passed |= {digest for digest, found in zip(sets, problems, strict=True) if not found}
    return passed


def chooses_class(values: dict[str, Any]) -> bool:
    """Whether settings choose the classes whose traits can be set."""
    return any(trait.endswith("_class") for trait in values.get("JupyterHub", {}))


def trait_problems(
    engine: Engine, image: str, scope: str, many: list[dict[str, Any]]
) -> list[list[dict[str, Any]]]:
    """The problems of each set of traits, in the order of the sets."""
    files = [File("settings.json", json.dumps(many).encode())]
    script = f"{SCRIPTS}/check_settings.py"
    return list(answer_of(engine, image, script, scope, attempted="check settings", files=files))


def refuse_set_by_hub(values: Mapping[str, Any]) -> None:
    """Raise SettingError for an option that the hub sets itself for a proxy that it starts."""
    for option, hint in SET_BY_HUB.items():
        if option in values:
            raise SettingError(
                "the hub starts this proxy and sets this option itself",
                where=f"proxy.{option}",
                hint=hint,
            )


def check_proxy_options(engine: Engine, image: str, values: dict[str, Any]) -> None:
    """Check options against the long ones that configurable-http-proxy --help lists."""
    text = proxy_help(engine, image)
    known = re.findall(r"--([a-z][a-z0-9-]*)", text)
    numbers = set(re.findall(r"--([a-z][a-z0-9-]*) <n>", text))
    for option, value in values.items():
        if option in numbers and not re.fullmatch(r"-?\d+", str(value)):
            raise SettingError(
                f"the proxy needs a number here, not {value!r}", where=f"proxy.{option}"
            )
        if option not in known:
            raise unknown_setting(f"proxy.{option}", [f"proxy.{name}" for name in known])


def check_sshd_options(engine: Engine, image: str, values: dict[str, Any]) -> None:
    """Check keywords and values of sshd_config with the nodes' own sshd."""
    script = (
        "mkdir -p /run/sshd && ssh-keygen -q -t ed25519 -N '' -f /tmp/key && "
        'for option; do /usr/sbin/sshd -t -h /tmp/key -f /dev/null -o "$option" || exit 9; done'
    )
    for option, value in values.items():
        done = engine.run_once(image, ["sh", "-c", script, "-", f"{option}={value}"])
        if done.exit_code == 9:
            raise SettingError(
                f"the nodes' sshd does not accept it: {done.stderr.strip()}",
                where=f"sshd.{option}",
                hint="a keyword and value of sshd_config(5)",
            )
        if done.exit_code:
            raise LabError(f"could not check sshd options: {done.stderr.strip()[-2000:]}")


def check_nginx_directives(engine: Engine, image: str, values: dict[str, Any]) -> None:
    """Check directives, all together, with the reverse proxy's own nginx.

    What only a lab has is not checked: see NEEDS_LAB.
    """
    file = nginx_file(values)
    done = engine.run_once(image, [MAKE_SITE, f"{FOLDER}/{file.name}"], [file], FOLDER)
    said = done.stderr.strip()
    if not done.exit_code or any(words in said for words in NEEDS_LAB):
        return
    if done.exit_code != 1:
        raise LabError(f"could not check directives of nginx: {said[-2000:]}")
    if unknown := re.search(r'unknown directive "(\w+)"', said):
        known = nginx_directives_of(engine, image)
        raise unknown_setting(f"nginx.{unknown[1]}", [f"nginx.{name}" for name in known])
    named = [f"nginx.{one}" for one in values if f'"{directive_of(one)}"' in said]
    raise SettingError(
        f"nginx does not accept it: {said}",
        where=", ".join(named or (f"nginx.{one}" for one in values)),
        hint="a directive of location, server or http with its value, as on nginx.org",
    )


def check_snippet(engine: Engine, image: str, scope: str, name: str, code: str) -> None:
    """Check that a snippet is Python, and that its imports and the classes that it sets exist."""
    try:
        compile(code, f"{scope}.snippet", "exec")
    except SyntaxError as error:
        raise SettingError(
            f"not valid Python: {error.msg}", where=f"{scope}.snippet, line {error.lineno}"
        ) from error
    files = [File("snippet.py", code.encode())]
    script = f"{SCRIPTS}/check_snippet.py"
    problem = answer_of(engine, image, script, scope, attempted=f"try {name}", files=files)
    if problem:
        line = f":{problem['line']}" if problem["line"] else ""
        raise SettingError(problem["wrong"], where=f"{scope}.snippet, {name}{line}")
