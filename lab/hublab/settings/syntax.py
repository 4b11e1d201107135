"""The syntax of one setting: parsing, checking and formatting its text.

The module `values` explains what the scopes mean.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from hublab.errors import SettingError
from hublab.settings import nginx_directives

JSONValue = None | bool | int | float | str | list[Any] | dict[str, Any]

SCOPES = ("hub", "server", "proxy", "sshd", "nginx")
CLASS_SCOPES = ("hub", "server")
"""The scopes whose settings are traits of classes."""
_SHAPES = {
    "hub": "hub.<Class>.<trait>, as in hub.JupyterHub.hub_connect_ip=127.0.0.1",
    "server": "server.<Class>.<trait>, as in server.ServerApp.allow_origin=*",
    "proxy": "proxy.<option>, as in proxy.proxy-timeout=5000",
    "sshd": "sshd.<Option>, as in sshd.MaxSessions=10",
    "nginx": "nginx.<directive>, as in nginx.client_max_body_size=1m, "
    "or nginx.proxy_set_header.<Header>",
}
_CLASS_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_OPTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_OPTION_NAMES = {"proxy": _OPTION_NAME, "sshd": _OPTION_NAME, "nginx": nginx_directives.NAME}
# CR and LF would start a second option in a file of lines; NUL ends an argument.
_LINE_BREAKS = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True)
class Setting:
    """One parsed `KEY=VALUE`. `value` is JSON; its trait will parse a string further."""

    key: str
    value: JSONValue

    @property
    def scope(self) -> str:
        """The part of the key that names the software that reads it: one of `SCOPES`."""
        return self.key.partition(".")[0]


def parse_setting(text: str, *, where: str | None = None) -> Setting:
    """Read `KEY=VALUE`; `where` names the option or file that it came from, for the message.

    Raises SettingError for a missing `=`, an unknown scope, a key of the wrong shape, bad JSON
    or a snippet file that cannot be read.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise SettingError(f"not a setting: {text!r} has no '='", where=where, hint="SETTING=VALUE")
    key = check_key(key.strip(), where=where)
    return Setting(key, parse_value(key, value, where=where))


def parse_value(key: str, text: str, *, where: str | None = None) -> JSONValue:
    """Read the value of `key`: JSON if it begins with `[`, `{` or `"`, else the text itself."""
    if is_snippet(key):
        return load_snippet(Path(text), where=where)
    value: JSONValue = text
    if text.lstrip()[:1] in ("[", "{", '"'):
        value = read_json(text, what=f"the value of {key}", where=where)
    return check_value(key, value, where=where)


def read_json(text: str, *, what: str, where: str | None = None) -> JSONValue:
    """Read strict JSON (no NaN, no Infinity); the error points at the offending character."""
    try:
        return cast(JSONValue, json.loads(text, parse_constant=_refuse_constant))
    except json.JSONDecodeError as bad:
        line = text.split("\n")[bad.lineno - 1]
        pointer = f"{line}\n{' ' * (bad.colno - 1)}^ {bad.msg}"
        raise SettingError(
            f"{what} starts like JSON but is invalid at character {bad.pos + 1}\n{pointer}",
            where=where,
            hint='JSON, or a JSON string for a text that begins with [, { or ": "[text"',
        ) from None
    except (ValueError, RecursionError) as bad:
        raise SettingError(f"{what} is not JSON: {bad}", where=where) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def check_key(key: str, *, where: str | None = None) -> str:
    """Return `key` if it has the shape of a setting's key, else raise SettingError."""
    scope, _, rest = key.partition(".")
    if scope not in SCOPES:
        raise _unknown_scope(key, scope, where)
    parts = rest.split(".")
    if scope in CLASS_SCOPES:
        is_trait = len(parts) == 2 and all(_CLASS_NAME.fullmatch(part) for part in parts)
        if is_trait or is_snippet(key):
            return key
        if len(parts) > 2:
            raise SettingError(
                f"{key} has more parts than scope, class and trait",
                where=where,
                hint=f"one JSON object for the whole trait: {scope}.{'.'.join(parts[:2])}={{…}}",
            )
    elif _OPTION_NAMES[scope].fullmatch(rest):
        return key
    raise SettingError(f"{key!r} is not the name of a setting", where=where, hint=_SHAPES[scope])


def _unknown_scope(key: str, scope: str, where: str | None) -> SettingError:
    near = difflib.get_close_matches(scope, SCOPES, n=1)
    if near and key != scope:
        hint = near[0] + key[len(scope) :]
    elif scope[:1].isupper():  # a bare `Class.trait`, as in JupyterHub's documentation
        hint = f"hub.{key} or server.{key}"
    else:
        hint = "\n".join(_SHAPES.values())
    return SettingError(
        f"{key!r} has an unknown scope; there are {', '.join(SCOPES)}", where=where, hint=hint
    )


def check_value(key: str, value: JSONValue, *, where: str | None = None) -> JSONValue:
    """Return `value` if it is JSON that the scope of `key` supports, else raise SettingError."""
    scope = key.partition(".")[0]
    if is_snippet(key):
        if isinstance(value, dict) and set(value) == {"name", "sha256", "source"}:
            return value
        raise SettingError(f"{key} needs a file", where=where, hint=f"{key}=FILE.py")
    if scope not in CLASS_SCOPES:
        if not isinstance(value, str | int | float):
            raise SettingError(f"{key} needs a text or a number, not {value!r}", where=where)
        if _LINE_BREAKS.search(str(value)):
            raise SettingError(f"the value of {key} must be one line: {value!r}", where=where)
    if scope == "nginx" and not nginx_directives.are_words(str(value)):
        raise SettingError(
            f"the value of {key} must be words of one directive: {value!r}",
            where=where,
            hint="single quotes around a word with a space, ; { or }",
        )
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise SettingError(
            f"the value of {key} contains a lone surrogate, half of a character: {value!r}",
            where=where,
            hint="text that can be written as UTF-8",
        ) from None
    except (TypeError, ValueError) as bad:
        raise SettingError(
            f"the value of {key} is not JSON: {bad}", where=where, hint="a snippet file"
        ) from None
    return value


def is_snippet(key: str) -> bool:
    """Whether `key` names a Python file instead of a trait."""
    return key in ("hub.snippet", "server.snippet")


def load_snippet(path: Path, *, where: str | None = None) -> JSONValue:
    """Read a snippet file into a setting's value: its name, contents and sha256."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as bad:
        reason = bad.strerror if isinstance(bad, OSError) else bad
        raise SettingError(f"cannot read the snippet {path}: {reason}", where=where) from None
    sha256 = hashlib.sha256(source.encode()).hexdigest()
    return {"name": path.name, "sha256": sha256, "source": source}


def format_value(key: str, value: JSONValue) -> str:
    """Format a value as a user would write it; `parse_value` restores strings and JSON from that.

    Other scalars become the text that a trait parses as that scalar (`True`, `5`, `None`). A
    snippet becomes its name and the beginning of its hash.
    """
    if is_snippet(key) and isinstance(value, dict):
        return f"{value['name']}@{value['sha256'][:12]}"
    if isinstance(value, str):
        return json.dumps(value) if value.lstrip()[:1] in ("[", "{", '"') else value
    if isinstance(value, list | dict):
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return str(value)
