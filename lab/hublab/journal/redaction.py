"""Redacts passwords, tokens and the values of cookies in text and headers.

The names of cookies stay visible, so that a reader sees which ones were sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

REDACTED = "[redacted]"
SHORTEST = 6
"""The minimum length of a hidden text: a shorter one would also match harmless words."""

QUERY = re.compile(r"([?&;](?:code|state|token|_xsrf|code_challenge)=)[^&#\s\"'<]+")
JSON_TOKEN = re.compile(r"(\"(?:token|access_token|refresh_token)\"\s*:\s*\")[^\"]+")
PAGE_TOKEN = re.compile(r"(xsrf_token:\s*\"|name=\"_xsrf\"\s+value=\")[^\"]+")
COOKIE = re.compile(r"^([^=;]+=)[^;]+")
SECRET_HEADERS = ("authorization", "cookie", "x-xsrftoken", "proxy-authorization")


class Redactor:
    """Hides the secrets of one command in its output."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Sort secrets by length: if one contains another, the longer must be replaced first."""
        kept = {secret for secret in secrets if len(secret) >= SHORTEST}
        self._secrets = sorted(kept, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Redact a page, a log line or a URL."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        text = QUERY.sub(rf"\1{REDACTED}", text)
        text = PAGE_TOKEN.sub(rf"\1{REDACTED}", text)
        return JSON_TOKEN.sub(rf"\1{REDACTED}", text)

    def header(self, name: str, value: str) -> str:
        """Redact the value of a header; for Set-Cookie the name and the attributes stay."""
        if name.lower() == "set-cookie":
            return COOKIE.sub(rf"\1{REDACTED}", value)
        return REDACTED if name.lower() in SECRET_HEADERS else self.text(value)

    def headers(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(name, self.header(name, value)) for name, value in pairs]
