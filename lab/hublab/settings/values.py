"""Settings: one value at one place of a lab.

A setting is written `hub.JupyterHub.hub_connect_ip=127.0.0.1`. The part before the first dot is
its scope, which says who reads it:

- `hub.<Class>.<trait>`: JupyterHub's own configuration
- `server.<Class>.<trait>`: the single-user servers' configuration
- `proxy.<option>`: a long option of configurable-http-proxy, without its dashes
- `sshd.<Option>`: a keyword of sshd_config on the nodes
- `hub.snippet=FILE.py`, `server.snippet=FILE.py`: Python for what JSON cannot say

Everything here is pure: whether a class or a trait exists is for the running software to say.
Strings are handed to the trait as they are, which parses them itself (`from_string`), so `5.4`
becomes a float for a Float and stays text for a Unicode.
"""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from hublab.errors import SettingError
from hublab.settings.syntax import (
    SCOPES,
    JSONValue,
    Setting,
    check_key,
    check_value,
    format_value,
    is_snippet,
    parse_setting,
)

__all__ = [
    "SCOPES",
    "JSONValue",
    "Setting",
    "Settings",
    "format_value",
    "parse_setting",
    "unknown_setting",
]


SECRET = re.compile(r"token|password|passphrase|secret|crypt_key", re.IGNORECASE)
"""Settings whose names match hold something that must not be told on."""


HARMLESS = re.compile(r"true|false|none|\d{0,4}", re.IGNORECASE)
"""Texts that no name makes a secret: hidden wherever they stand, they would take all else along."""


def is_secret(name: str, text: str) -> bool:
    """Whether a text is one that must not be told, by the name that it stands under."""
    name = name.rpartition(".")[2]
    return bool(SECRET.search(name) and not name.endswith("_file") and not HARMLESS.fullmatch(text))


URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)([^@\s]+)(?=@)")
"""The password in the address of a database or a proxy."""


def secrets_in(name: str, value: JSONValue) -> Iterator[str]:
    """The secret texts within a value, which stands under a name."""
    if isinstance(value, str):
        if is_secret(name, value):
            yield value
        else:
            within = (found[2] for found in URL_PASSWORD.finditer(value))
            yield from (text for text in within if not HARMLESS.fullmatch(text))
    for inner, one in inside(name, value):
        yield from secrets_in(inner, one)


def hidden(name: str, value: JSONValue) -> JSONValue:
    """A value with its secret texts replaced."""
    if isinstance(value, str):
        return "(hidden)" if is_secret(name, value) else URL_PASSWORD.sub(r"\1(hidden)", value)
    if isinstance(value, list):
        return [hidden(inner, one) for inner, one in inside(name, value)]
    if isinstance(value, dict):
        entries = zip(value, inside(name, value), strict=True)
        return {key: hidden(inner, one) for key, (inner, one) in entries}
    return value


def inside(name: str, value: JSONValue) -> list[tuple[str, JSONValue]]:
    """What a list or dict holds, each with its name: a secret's name holds for all within."""
    if isinstance(value, list):
        return [(name, one) for one in value]
    if isinstance(value, dict):
        secret = SECRET.search(name.rpartition(".")[2])
        return [(name if secret else str(key), one) for key, one in value.items()]
    return []


def shown_value(key: str, value: JSONValue) -> str:
    """`format_value` for names and reports: of a value with a secret in it, a digest alone."""
    written = format_value(key, value)
    if any(secrets_in(key, value)):
        return f"~{short_digest(written)}"
    return written


def short_digest(text: str) -> str:
    """What stands for a text in a name that must not hold it, or not all of it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def unknown_setting(key: str, known: Iterable[str], *, where: str | None = None) -> SettingError:
    """The error for a setting that the running software does not know, with the nearest names."""
    candidates = list(known)
    near = difflib.get_close_matches(key, candidates, n=3, cutoff=0.75)
    trait = key.rpartition(".")[2]
    same_trait = [name for name in candidates if name.rpartition(".")[2] == trait]
    hint = "\n".join(dict.fromkeys(near + same_trait[:3])) or None
    return SettingError(f"nothing in this lab knows the setting {key}", where=where, hint=hint)


class Settings(Mapping[str, JSONValue]):
    """An immutable set of settings: key to JSON value, in the order of its keys."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, JSONValue] | None = None) -> None:
        """Check every key and value; raises SettingError."""
        given = values or {}
        self._values = {
            check_key(key): copy.deepcopy(check_value(key, given[key])) for key in sorted(given)
        }

    @classmethod
    def parse(cls, texts: Iterable[str], *, where: str | None = None) -> Settings:
        """Read several `KEY=VALUE`; the same key with two different values is an error."""
        found: dict[str, JSONValue] = {}
        for text in texts:
            setting = parse_setting(text, where=where)
            if found.setdefault(setting.key, setting.value) != setting.value:
                both = (format_value(setting.key, v) for v in (found[setting.key], setting.value))
                raise SettingError(
                    f"{setting.key} is given twice: {' and '.join(map(repr, both))}", where=where
                )
        return cls(found)

    @classmethod
    def from_json(cls, data: object) -> Settings:
        """The opposite of `as_json`."""
        if not isinstance(data, dict):
            raise SettingError(f"settings are a JSON object, not {type(data).__name__}")
        return cls(data)

    def as_json(self) -> dict[str, JSONValue]:
        """Key to value, with snippets in full; what `from_json` reads."""
        return copy.deepcopy(self._values)

    def merged(self, other: Mapping[str, JSONValue]) -> Settings:
        """Both, where `other` wins."""
        return Settings({**self._values, **other})

    def without(self, *keys: str) -> Settings:
        """Everything but `keys`; a key that is not set is no error."""
        return Settings({key: value for key, value in self._values.items() if key not in keys})

    def only(self, scope: str) -> Settings:
        """The settings of one scope, snippet included."""
        return Settings({k: v for k, v in self._values.items() if k.startswith(scope + ".")})

    def scope(self, scope: str) -> dict[str, Any]:
        """One scope as its host's JSON file holds it, without the snippet.

        `{"JupyterHub": {"hub_connect_ip": "…"}}` for hub and server, `{"option": "…"}` for
        proxy and sshd.
        """
        nested: dict[str, Any] = {}
        for key, value in self.only(scope).as_json().items():
            _, *path = key.split(".")
            if len(path) == 2:
                nested.setdefault(path[0], {})[path[1]] = value
            elif not is_snippet(key):
                nested[path[0]] = value
        return nested

    def snippet(self, scope: str) -> str | None:
        """The Python source of this scope's snippet, or None."""
        value = self._values.get(f"{scope}.snippet")
        return cast(str, value["source"]) if isinstance(value, dict) else None

    def snippet_name(self, scope: str) -> str:
        """The name of the file that this scope's snippet was read from."""
        value = self._values.get(f"{scope}.snippet")
        return str(value["name"]) if isinstance(value, dict) else ""

    def secret_values(self) -> set[str]:
        """Texts among the values that nobody should read later: passwords, tokens, secrets.

        They count at any depth, under the setting's own name or that of an entry within it.
        """
        return {text for key, value in self._values.items() for text in secrets_in(key, value)}

    def told(self) -> dict[str, JSONValue]:
        """Like `as_json`, for others to read: secrets are hidden."""
        return {key: hidden(key, value) for key, value in self._values.items()}

    @property
    def digest(self) -> str:
        """Twelve hex digits that are equal if and only if (practically) the settings are equal.

        A snippet counts by its contents, not by the name of its file.
        """
        identity = {
            key: value["sha256"] if is_snippet(key) and isinstance(value, dict) else value
            for key, value in self._values.items()
        }
        canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def __getitem__(self, key: str) -> JSONValue:
        return copy.deepcopy(self._values[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values))

    def __repr__(self) -> str:
        inside = ", ".join(f"{key}={format_value(key, v)}" for key, v in self._values.items())
        return f"Settings({inside})"
