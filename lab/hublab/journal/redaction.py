"""Hides passwords, tokens and the values of cookies in what commands print.

Names stay, so that a reader sees which cookie there was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hublab.journal.secret_forms import in_base64, plain_forms

REDACTED = "[redacted]"
SHORTEST = 6
"""Characters: hiding a shorter text would hide harmless words of a page too."""

SECRET_NAMES = (
    r"(?:(?:access_|refresh_|id_|api_|auth_)?token|client_secret|password|passwd|secret_key)"
)
QUOTED = re.compile(
    rf"((?P<q>['\"]){SECRET_NAMES}(?P=q)\s*:\s*(?P<v>['\"]))(?:\\.|(?!(?P=v)).)*", re.IGNORECASE
)
"""In JSON, and in what Python prints of a dict."""
ASSIGNED = re.compile(rf"(?<![\w-])({SECRET_NAMES}=)[^&#;\s\"'<]+", re.IGNORECASE)
VARIABLE = re.compile(r"\b([A-Z][A-Z0-9_]*(?:TOKEN|PASSWORD|SECRET|CRYPT_KEY)[A-Z0-9_]*=)[^\s\"']+")
"""Of an environment, as a program may print it."""
AUTHORIZATION = re.compile(
    r"((?:proxy-)?authorization['\"]?\s*:\s*['\"]?(?:(?:token|bearer|basic)\s+)?)[^\s\"',}]+",
    re.IGNORECASE,
)
BEARER = re.compile(
    r"\b((?:bearer|token)\s+)(?:[0-9a-f]{32,}|[\w-]+\.[\w-]+\.[\w-]+)", re.IGNORECASE
)
COOKIES = re.compile(r"((?:set-)?cookie['\"]?\s*:\s*['\"]?)([^\n\"]+)", re.IGNORECASE)
ONE_COOKIE = re.compile(
    r"((?<![\w-])(?!(?:path|domain|expires|max-age|samesite)=)[^=;\s]+=)[^;\s]+", re.IGNORECASE
)
ACCOUNT = re.compile(r"(://[^/@\s:]*:)[^@\s/]+(?=@)")
"""The password in an address (RFC 3986, 3.2.1)."""
NAMES = "(?:code|state|token|_xsrf|code_challenge)"
QUERY = re.compile(rf"([?&;]{NAMES}=)[^&#\s\"'<]+")
NESTED = re.compile(
    rf"(%(?:25)*(?:3F|26|3B){NAMES}%(?:25)*3D)(?:(?!%(?:25)*26)[^&#\s\"'<])+", re.IGNORECASE
)
"""The same in an address that is itself a value, as of `next`: percent-encoded, once or more."""
PAGE_TOKEN = re.compile(r"(xsrf_token:\s*\"|name=\"_xsrf\"\s+value=\")[^\"]+")
LOGGED_XSRF = re.compile(r"(xsrf cookie for b')[^']+")
"""What a hub logs of a new cookie (jupyterhub/_xsrf_utils.py, `_set_xsrf_cookie`)."""
COOKIE = re.compile(r"^([^=;]+=)[^;]+")
SECRET_HEADERS = ("authorization", "cookie", "x-xsrftoken", "proxy-authorization")

WORDS = ("token", "secret", "passw", "crypt_key")
PATTERNS = (
    (("=",), QUERY),
    (("%",), NESTED),
    (("xsrf cookie",), LOGGED_XSRF),
    (("xsrf",), PAGE_TOKEN),
    (WORDS, QUOTED),
    (WORDS, ASSIGNED),
    (WORDS, VARIABLE),
    (("author",), AUTHORIZATION),
    (("bearer", "token"), BEARER),
    (("@",), ACCOUNT),
)
"""Each with words without one of which it does not match, in small letters: most texts are short
and have none of them, and to look for them costs a hundredth of what the pattern does."""


def without_cookies(header: re.Match[str]) -> str:
    """A header with cookies in a text: their names stay."""
    return header[1] + ONE_COOKIE.sub(rf"\1{REDACTED}", header[2])


def hideable(secrets: Iterable[str]) -> set[str]:
    """Those secrets that can be hidden wherever they stand; of a shorter one see SHORTEST.

    Settings with a short one are masked by their names.
    """
    return {secret for secret in secrets if len(secret) >= SHORTEST}


class Redactor:
    """Hides the secrets of one command in what it prints."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Hides the longest first: else the rest of a secret that contains another would stay."""
        forms = {form for one in hideable(secrets) for form in (*plain_forms(one), *in_base64(one))}
        self._secrets = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """A page, a log line or a URL without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        folded = text.casefold()
        for needed, pattern in PATTERNS:
            if any(one in folded for one in needed):
                text = pattern.sub(rf"\1{REDACTED}", text)
        return COOKIES.sub(without_cookies, text) if "cook" in folded else text

    def header(self, name: str, value: str) -> str:
        """The value of a header without secrets; Set-Cookie keeps its name and attributes."""
        if name.lower() == "set-cookie":
            return COOKIE.sub(rf"\1{REDACTED}", value)
        return REDACTED if name.lower() in SECRET_HEADERS else self.text(value)

    def headers(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(name, self.header(name, value)) for name, value in pairs]
