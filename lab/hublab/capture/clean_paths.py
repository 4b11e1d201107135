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
ACCOUNT = re.compile(r"^(\w+://)[^/@]*@")
"""Name and password of an address (RFC 3986, 3.2.1)."""

MOST_BARE = 16
"""Characters: a longer part of a query without a value may be one."""


def clean_path(path: str, redactor: Redactor) -> str:
    """A request's path and query without secrets."""
    plain, mark, query = path.partition("?")
    plain = IN_PATH.sub(rf"\1{REDACTED}", ACCOUNT.sub(r"\1", plain))
    parts = [clean_part(part, redactor) for part in query.split("&")] if mark else []
    return redactor.text(plain + mark + "&".join(parts))


def clean_part(part: str, redactor: Redactor) -> str:
    """One `name=value` of a query."""
    name, mark, value = part.partition("=")
    if not value:
        return part if mark or len(part) <= MOST_BARE else REDACTED
    if unquote(name) not in HARMLESS:
        return f"{name}={REDACTED}"
    if name in NESTED:
        return f"{name}={quote(clean_path(unquote(value), redactor), safe='/:[]')}"
    return part
