"""Settings are checked by the software that will read them, before anything is changed.

Each check runs in a throw-away container of the role's own image, so that no lab needs to be
up and a bad value leaves nothing behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hublab.engine import Engine, ExecResult
from hublab.engine.records import File
from hublab.errors import LabError, SettingError
from hublab.settings.files import ROLE_OF_SCOPE
from hublab.settings.values import Settings, unknown_setting

PYTHON = "/opt/jupyter/bin/python"
GIVEN_BY_HUB = {
    "ip": "hub.JupyterHub.bind_url",
    "port": "hub.JupyterHub.bind_url",
    "api-ip": "hub.ConfigurableHTTPProxy.api_url",
    "api-port": "hub.ConfigurableHTTPProxy.api_url",
    "error-target": "hub.JupyterHub.hub_connect_url",
    "log-level": "hub.ConfigurableHTTPProxy.log_level",
}
"""Options that a hub gives the proxy that it starts, behind any others, so that these do not hold;
and the settings that decide them. Source: jupyterhub/proxy.py, `ConfigurableHTTPProxy.start`."""


def check_settings(
    engine: Engine, images: Mapping[str, str], settings: Settings, *, lab: str = ""
) -> None:
    """Raise SettingError for the first setting that the running software does not take.

    `images` gives the image of each role: hub, node, proxy. The containers that check belong to
    `lab`, so that they go with it when this process is killed before it can remove them.
    """
    engine = engine.for_lab(lab)
    checks: dict[str, Callable[[Engine, str, dict[str, Any]], None]] = {
        "hub": lambda engine, image, values: check_traits(engine, image, "hub", values),
        "server": lambda engine, image, values: check_traits(engine, image, "server", values),
        "proxy": check_proxy_options,
        "sshd": check_sshd_options,
    }
    for scope, check in checks.items():
        if values := settings.scope(scope):
            if scope == "proxy" and images["proxy"] == images["hub"]:
                refuse_given(values)
            check(engine, images[ROLE_OF_SCOPE[scope]], values)
        if (code := settings.snippet(scope)) is not None:
            name = settings.snippet_name(scope)
            check_snippet(engine, images[ROLE_OF_SCOPE[scope]], scope, name, code)


def check_traits(engine: Engine, image: str, scope: str, values: dict[str, Any]) -> None:
    """Classes, traits and values, as the installed JupyterHub or Jupyter Server knows them."""
    for wrong in faults(engine, image, scope, [values])[0]:
        key = f"{scope}.{wrong['key']}"
        if wrong["reason"] is None:
            raise unknown_setting(key, [f"{scope}.{known}" for known in wrong["known"]])
        raise SettingError(wrong["reason"], where=key)


def accepted(
    engine: Engine, images: Mapping[str, str], many: Iterable[Settings], *, lab: str = ""
) -> set[str]:
    """The digests of those settings, each of one scope, in which `check_settings` finds no fault.

    All are asked about at once, which takes no longer than one. What chooses a class, and what
    neither JupyterHub nor Jupyter Server reads, is left out.
    """
    engine = engine.for_lab(lab)
    fine: set[str] = set()
    for scope in ("hub", "server"):
        asked = {one.digest: one.scope(scope) for one in many if one.scope(scope)}
        asked = {digest: values for digest, values in asked.items() if not chooses_class(values)}
        if asked:
            said = faults(engine, images[ROLE_OF_SCOPE[scope]], scope, list(asked.values()))
            fine |= {digest for digest, wrong in zip(asked, said, strict=True) if not wrong}
    return fine


def chooses_class(values: dict[str, Any]) -> bool:
    """Whether settings say which classes there are to be set."""
    return any(trait.endswith("_class") for trait in values.get("JupyterHub", {}))


def faults(
    engine: Engine, image: str, scope: str, many: list[dict[str, Any]]
) -> list[list[dict[str, Any]]]:
    """What is wrong in each of some sets of traits."""
    files = [File("settings.json", json.dumps(many).encode())]
    argv = [PYTHON, "/opt/hublab/check_settings.py", scope]
    done = succeeded(engine.run_once(image, argv, files, "/tmp"), "check settings")
    return list(json.loads(done.stdout.strip().splitlines()[-1]))


def refuse_given(values: Mapping[str, Any]) -> None:
    """Raise SettingError for an option that the hub says itself to a proxy of its own."""
    for option, hint in GIVEN_BY_HUB.items():
        if option in values:
            raise SettingError(
                "the hub starts this proxy, and gives it this option itself",
                where=f"proxy.{option}",
                hint=hint,
            )


def check_proxy_options(engine: Engine, image: str, values: dict[str, Any]) -> None:
    """Long options of configurable-http-proxy, as its own --help lists them."""
    argv = ["/opt/chp/node_modules/.bin/configurable-http-proxy", "--help"]
    done = succeeded(engine.run_once(image, argv), "ask the proxy for its options")
    known = re.findall(r"--([a-z][a-z0-9-]*)", done.stdout)
    numbers = set(re.findall(r"--([a-z][a-z0-9-]*) <n>", done.stdout))
    for option, value in values.items():
        if option in numbers and not re.fullmatch(r"-?\d+", str(value)):
            raise SettingError(
                f"the proxy takes a number and not {value!r}", where=f"proxy.{option}"
            )
        if option not in known:
            raise unknown_setting(f"proxy.{option}", [f"proxy.{name}" for name in known])


def check_sshd_options(engine: Engine, image: str, values: dict[str, Any]) -> None:
    """Keywords and values of sshd_config, as the nodes' own sshd takes them."""
    script = (
        "mkdir -p /run/sshd && ssh-keygen -q -t ed25519 -N '' -f /tmp/key && "
        'for option; do /usr/sbin/sshd -t -h /tmp/key -f /dev/null -o "$option" || exit 9; done'
    )
    for option, value in values.items():
        done = engine.run_once(image, ["sh", "-c", script, "-", f"{option}={value}"])
        if done.exit_code == 9:
            raise SettingError(
                f"the nodes' sshd does not take it: {done.stderr.strip()}",
                where=f"sshd.{option}",
                hint="a keyword and value of sshd_config(5)",
            )
        succeeded(done, "check sshd options")


def check_snippet(engine: Engine, image: str, scope: str, name: str, code: str) -> None:
    """A snippet must be Python; what it imports, and the classes that it sets, must be there."""
    try:
        compile(code, f"{scope}.snippet", "exec")
    except SyntaxError as error:
        raise SettingError(
            f"not valid Python: {error.msg}", where=f"{scope}.snippet, line {error.lineno}"
        ) from error
    argv = [PYTHON, "/opt/hublab/check_snippet.py", scope]
    done = engine.run_once(image, argv, [File("snippet.py", code.encode())], "/tmp")
    said = succeeded(done, f"try {name}").stdout.strip().splitlines()
    if wrong := json.loads(said[-1]):
        line = f":{wrong['line']}" if wrong["line"] else ""
        raise SettingError(wrong["wrong"], where=f"{scope}.snippet, {name}{line}")


def succeeded(done: ExecResult, attempted: str) -> ExecResult:
    if done.exit_code:
        raise LabError(f"could not {attempted}: {done.stderr.strip()[-2000:]}")
    return done
