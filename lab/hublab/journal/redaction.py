"""Hides passwords, tokens and the values of cookies in what commands print.

Names stay, so that a reader sees which cookie there was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

REDACTED = "[redacted]"
SHORTEST = 6
"""Characters: hiding a shorter text would hide harmless words of a page too."""

NAMES = "(?:code|state|token|_xsrf|code_challenge)"
QUERY = re.compile(rf"([?&;]{NAMES}=)[^&#\s\"'<]+")
NESTED = re.compile(
    rf"(%(?:25)*(?:3F|26|3B){NAMES}%(?:25)*3D)(?:(?!%(?:25)*26)[^&#\s\"'<])+", re.IGNORECASE
)
"""The same in an address that is itself a value, as of `next`: percent-encoded, once or more."""
JSON_TOKEN = re.compile(r"(\"(?:token|access_token|refresh_token)\"\s*:\s*\")[^\"]+")
PAGE_TOKEN = re.compile(r"(xsrf_token:\s*\"|name=\"_xsrf\"\s+value=\")[^\"]+")
LOGGED_XSRF = re.compile(r"(xsrf cookie for b')[^']+")
"""What a hub logs of a new cookie (jupyterhub/_xsrf_utils.py, `_set_xsrf_cookie`)."""
COOKIE = re.compile(r"^([^=;]+=)[^;]+")
SECRET_HEADERS = ("authorization", "cookie", "x-xsrftoken", "proxy-authorization")


class Redactor:
    """Hides the secrets of one command in what it prints."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Hides the longest first: else the rest of a secret that contains another would stay."""
        kept = {secret for secret in secrets if len(secret) >= SHORTEST}
        self._secrets = sorted(kept, key=len, reverse=True)

    def text(self, text: str) -> str:
        """A page, a log line or a URL without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        text = QUERY.sub(rf"\1{REDACTED}", text)
        text = NESTED.sub(rf"\1{REDACTED}", text)
        text = LOGGED_XSRF.sub(rf"\1{REDACTED}", text)
        text = PAGE_TOKEN.sub(rf"\1{REDACTED}", text)
        return JSON_TOKEN.sub(rf"\1{REDACTED}", text)

    def header(self, name: str, value: str) -> str:
        """The value of a header without secrets; Set-Cookie keeps its name and attributes."""
        if name.lower() == "set-cookie":
            return COOKIE.sub(rf"\1{REDACTED}", value)
        return REDACTED if name.lower() in SECRET_HEADERS else self.text(value)

    def headers(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(name, self.header(name, value)) for name, value in pairs]
