"""Paths without secrets: of a query only the values that are known to tell none stay."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from hublab.journal.redaction import REDACTED, Redactor

HARMLESS = frozenset(
    {"client_id", "redirect_uri", "response_type", "scope", "next"}
    | {"include_stopped_servers", "limit", "offset", "sort"}
    | {"content", "format", "hash", "kernel", "path", "type"}
)
"""Names in a query whose values are no secrets, of the hub's, the server's and OAuth's own."""
NESTED = frozenset({"next", "redirect_uri"})
"""Those whose value is an address, which may have a query of its own."""
IN_PATH = re.compile(r"(/hub/api/authorizations/(?:token|cookie/[^/]+)/)[^/?]+")
"""jupyterhub/apihandlers/auth.py: the token or the cookie that is to be looked up."""
ACCOUNT = re.compile(r"^(\w+:(?=//))?(//)?[^/?#@]*@")
"""Name and password of an address (RFC 3986, 3.2.1), also of CONNECT, which has no scheme."""
SEPARATORS = re.compile("([&;])")
"""Of the parts of a query; some programs take the semicolon for one (HTML 4.01, B.2.2)."""
MOST_BARE = 16
"""Characters: a longer part of a query without a value, or the name of one, may be a secret."""
MOST_ENCODED = 5
"""How often an address within an address is taken for encoded."""


def clean_path(path: str, redactor: Redactor) -> str:
    """A request's path and query without secrets, and without a fragment."""
    path, hash_, _ = path.partition("#")
    plain, mark, query = path.partition("?")
    plain = IN_PATH.sub(rf"\1{REDACTED}", ACCOUNT.sub(r"\1\2", plain))
    parts = [
        part if SEPARATORS.fullmatch(part) else clean_part(part, redactor)
        for part in (SEPARATORS.split(query) if mark else [])
    ]
    fragment = f"#{REDACTED}" if hash_ else ""
    return redactor.text(plain + mark + "".join(parts) + fragment)


def clean_part(part: str, redactor: Redactor) -> str:
    """One `name=value` of a query."""
    name, _, value = part.partition("=")
    known = unquote(name) in HARMLESS
    if not value.strip("="):
        return part if known or len(name) <= MOST_BARE else REDACTED
    if not known:
        return f"{name}={REDACTED}"
    plain = decoded(value)
    if name in NESTED or any(mark in plain for mark in "@?#"):
        return f"{name}={quote(clean_path(plain, redactor), safe='/:[]')}"
    return part


def decoded(value: str) -> str:
    """A value that may be encoded several times, as an address within addresses is."""
    for _ in range(MOST_ENCODED):
        if (plain := unquote(value)) == value:
            break
        value = plain
    return value
