"""What must not be shown to anybody: values of variables whose names say so, passwords in URLs."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REDACTED = "[redacted]"
# patterns as text: hardly a request needs them, and compiling them takes a while
SECRET_NAME = (  # PWD and OLDPWD are directories
    r"(?i)TOKEN|SECRET|PASSW|PASSPHRASE|PASS(?:_|$)|_PWD?$|PRIVATE|CREDENTIAL|API_?KEY|_KEYS?$"
)
URL_PASSWORD = r"://[^/?#\s:@]*:([^/?#\s]+)@"
NO_SECRETS = {"true", "false", "none", "null", "default", "disabled", "enabled"}


def secrets_in(env: Mapping[str, str], *more: str | None) -> list[str]:
    """Values that must not be shown to anybody, longest first."""
    from urllib.parse import unquote

    found = {value for name, value in env.items() if re.search(SECRET_NAME, name)}
    for value in env.values():
        for password in re.findall(URL_PASSWORD, value):
            # a short one is hidden where it is one for certain
            found |= {password, unquote(password), ":%s@" % password}
    found = {value for value in found if value.lower() not in NO_SECRETS}
    found.update(value for value in more if value)
    found |= {json.dumps(value)[1:-1] for value in found}  # as they are in a request
    return sorted((value for value in found if len(value) > 3), key=len, reverse=True)


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, also where it begins or ends in the middle of one."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
        for size in range(min(len(secret) - 1, len(text)), 3, -1):
            if text.startswith(secret[-size:]):
                text = REDACTED + text[size:]
            if text.endswith(secret[:size]):
                text = text[:-size] + REDACTED
    return text
