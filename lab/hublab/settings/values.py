"""Sets of settings, each one value for one piece of software in a lab.

A setting is written `hub.JupyterHub.hub_connect_ip=127.0.0.1`. The part before the first dot is
its scope, which names the software that reads it:

- `hub.<Class>.<trait>`: JupyterHub's own configuration
- `server.<Class>.<trait>`: the single-user servers' configuration
- `proxy.<option>`: a long option of configurable-http-proxy, without its dashes
- `sshd.<Option>`: a keyword of sshd_config on the nodes
- `nginx.<directive>`: a directive of the reverse proxy's site
- `hub.snippet=FILE.py`, `server.snippet=FILE.py`: Python for what JSON cannot say

Everything here is pure: `checking` finds out whether a class or a trait exists. A string is passed
to its trait unchanged, and the trait parses it (`from_string`): `5.4` becomes a float for a Float
and stays text for a Unicode.
"""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from hublab.errors import SettingError
from hublab.settings.secrets import masked, secrets_in
from hublab.settings.syntax import (
    CLASS_SCOPES,
    JSONValue,
    check_key,
    check_value,
    format_value,
    is_snippet,
    parse_setting,
)


def unknown_setting(key: str, known: Iterable[str], *, where: str | None = None) -> SettingError:
    """The error for a setting that a lab's software does not know, with the nearest names."""
    candidates = list(known)
    near = difflib.get_close_matches(key, candidates, n=3, cutoff=0.75)
    trait = key.rpartition(".")[2]
    same_trait = [name for name in candidates if name.rpartition(".")[2] == trait]
    hint = "\n".join(dict.fromkeys(near + same_trait[:3])) or None
    return SettingError(f"no software in this lab has a setting {key}", where=where, hint=hint)


def spelled_alike(key: str) -> str:
    """What two keys of one setting share: keywords of sshd and names of headers are of any case.

    Sources: sshd_config(5), "keywords are case-insensitive"; RFC 9110, section 5.1.
    """
    return key.lower() if key.startswith(("sshd.", "nginx.")) else key


class Settings(Mapping[str, JSONValue]):
    """An immutable set of settings: key to JSON value, in the order of its keys."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, JSONValue] | None = None) -> None:
        """Check every key and value; raises SettingError."""
        given = values or {}
        alike: dict[str, str] = {}
        for key in given:
            if (other := alike.setdefault(spelled_alike(key), key)) != key:
                raise SettingError(f"{other} and {key} are one setting", hint="one of both")
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
        """Settings from the result of `as_json`."""
        if not isinstance(data, dict):
            raise SettingError(f"settings are a JSON object, not {type(data).__name__}")
        return cls(data)

    def as_json(self) -> dict[str, JSONValue]:
        """Key to value, with snippets in full; what `from_json` reads."""
        return copy.deepcopy(self._values)

    def merged(self, other: Mapping[str, JSONValue]) -> Settings:
        """Both sets together; `other` overrides."""
        replaced = {spelled_alike(key) for key in other}
        kept = {k: v for k, v in self._values.items() if spelled_alike(k) not in replaced}
        return Settings({**kept, **other})

    def without(self, *keys: str) -> Settings:
        """All settings except `keys`; a key that is not set is no error."""
        gone = {spelled_alike(key) for key in keys}
        return Settings({k: v for k, v in self._values.items() if spelled_alike(k) not in gone})

    def only(self, scope: str) -> Settings:
        """The settings of one scope, snippet included."""
        return Settings({k: v for k, v in self._values.items() if k.startswith(scope + ".")})

    def scope(self, scope: str) -> dict[str, Any]:
        """One scope in the form of the JSON file on its host, without the snippet.

        `{"JupyterHub": {"hub_connect_ip": "…"}}` for hub and server, `{"option": "…"}` for
        the other scopes.
        """
        nested: dict[str, Any] = {}
        for key, value in self.only(scope).as_json().items():
            _, _, name = key.partition(".")
            if scope not in CLASS_SCOPES:
                nested[name] = value
            elif not is_snippet(key):
                class_name, _, trait = name.partition(".")
                nested.setdefault(class_name, {})[trait] = value
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
        """The secret texts in the values, such as passwords and tokens.

        They are found at any depth, by the name of the setting or of an entry within it.
        """
        return {text for key, value in self._values.items() for text in secrets_in(key, value)}

    def masked(self) -> dict[str, JSONValue]:
        """Like `as_json`, with secrets masked, for output."""
        return {key: masked(key, value) for key, value in self._values.items()}

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


NO_SETTINGS = Settings()
"""What a case without an axis sets."""
