"""Finds secrets in settings by the names of their entries, and masks them.

A value may contain secrets at any depth: in lists, in dicts, within a URL.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from hublab.settings.syntax import JSONValue, format_value

MASK = "(hidden)"
SECRET = re.compile(r"token|password|passphrase|secret|crypt_key", re.IGNORECASE)
"""A setting whose name matches has a secret value."""
URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)([^@\s]+)(?=@)")
"""The password in the URL of a database or a proxy."""
HARMLESS = re.compile(r"true|false|yes|no|on|off|none|\d{0,4}", re.IGNORECASE)
"""Texts that are never secret, whatever their name: hiding them would hide harmless words too."""


def is_secret(name: str, text: str) -> bool:
    """Whether a text is a secret, judged by the name of its setting or entry."""
    name = name.rpartition(".")[2]
    return bool(SECRET.search(name) and not name.endswith("_file") and not HARMLESS.fullmatch(text))


def secrets_in(name: str, value: JSONValue) -> Iterator[str]:
    """The secret texts in the value of a setting or entry of that name."""
    if isinstance(value, str):
        if is_secret(name, value):
            yield value
        else:
            within = (found[2] for found in URL_PASSWORD.finditer(value))
            yield from (text for text in within if not HARMLESS.fullmatch(text))
    for inner, one in entries_of(name, value):
        yield from secrets_in(inner, one)


def masked(name: str, value: JSONValue) -> JSONValue:
    """A value with its secret texts replaced."""
    if isinstance(value, str):
        return MASK if is_secret(name, value) else URL_PASSWORD.sub(rf"\1{MASK}", value)
    if isinstance(value, list):
        return [masked(inner, one) for inner, one in entries_of(name, value)]
    if isinstance(value, dict):
        pairs = zip(value, entries_of(name, value), strict=True)
        return {key: masked(inner, one) for key, (inner, one) in pairs}
    return value


def entries_of(name: str, value: JSONValue) -> list[tuple[str, JSONValue]]:
    """The entries of a list or dict with their names; a secret name applies to all entries."""
    if isinstance(value, list):
        return [(name, one) for one in value]
    if isinstance(value, dict):
        secret = SECRET.search(name.rpartition(".")[2])
        return [(name if secret else str(key), one) for key, one in value.items()]
    return []


def shown_value(key: str, value: JSONValue) -> str:
    """`format_value` for names and reports; a digest instead of a value that contains a secret."""
    written = format_value(key, value)
    if any(secrets_in(key, value)):
        return f"~{short_digest(written)}"
    return written


def short_digest(text: str) -> str:
    """Eight hex digits that represent a text in a name where it is too secret or too long."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
