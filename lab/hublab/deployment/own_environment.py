"""Variables and a password for the user's own configuration, kept out of all command lines.

`NAME` takes the value from the caller's environment and `NAME=VALUE` is for what is no secret; a
file has lines `NAME=VALUE`. The values go to the hub as files that only root can read.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hublab.errors import UsageError
from hublab.topology.problems import unreadable

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PROXY_TOKEN = "CONFIGPROXY_AUTH_TOKEN"
"""The hub's environment has it (compose/images/tools/init.py), and many configurations read it."""
RESERVED = (PROXY_TOKEN, "HOME", "PATH")
"""The lab sets these for its hub."""
LONGEST = 4000
"""Bytes of one value: s6-envdir reads no more than 4096 of a file."""
SHORTEST_SECRET = 6
"""Shorter values are not masked in journals: they would mask words of the text too."""


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of the hub, those with a secret value among them."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: frozenset[str] = frozenset()

    @property
    def secrets(self) -> list[str]:
        """The values that must not be written into journals."""
        found = (self.values[name] for name in sorted(self.secret))
        return [value for value in found if len(value) >= SHORTEST_SECRET]


NO_VARIABLES = Variables()


def variables_from(texts: Iterable[str], files: Iterable[Path]) -> Variables:
    """The variables of `--env-file` and `--env`, the latter last. Raises UsageError."""
    values: dict[str, str] = {}
    secret: set[str] = set()
    for path in files:
        for number, line in enumerate(text_of(path, "--env-file").splitlines(), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                where = f"{path}:{number}"
                name, equals, value = line.strip().removeprefix("export ").partition("=")
                if not equals:
                    raise UsageError("this line has no =", where=where, hint="NAME=VALUE")
                values[checked(name.strip(), where)] = unquoted(value.strip())
                secret.add(name.strip())
    for text in texts:
        name, equals, value = text.partition("=")
        checked(name, "--env")
        if not equals:
            if name not in os.environ:
                raise UsageError(
                    f"the environment of this command has no variable {name}",
                    where="--env",
                    hint=f"`export {name}=…` first, or --env {name}=VALUE for what is no secret",
                )
            value = os.environ[name]
            secret.add(name)
        values[name] = value
    for name, value in values.items():
        if "\0" in value or len(value.encode()) > LONGEST:
            raise UsageError(
                f"the value of {name} is too long for a variable here",
                where="--env",
                hint=f"up to {LONGEST} bytes; longer content goes into a file beside the "
                "configuration",
            )
    return Variables(values, frozenset(secret))


def checked(name: str, where: str) -> str:
    """The name of a variable. Raises UsageError, without the value that may follow it."""
    if not NAME.fullmatch(name):
        raise UsageError("that is not the name of a variable", where=where, hint="NAME=VALUE")
    if name in RESERVED:
        raise UsageError(f"the lab itself sets {name} for its hub", where=where)
    return name


def unquoted(value: str) -> str:
    """A value of a file without the quotes around all of it."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def password_from(path: Path | None) -> str | None:
    """The password in the first line of a file, of stdin for `-`. Raises UsageError."""
    if path is None:
        return None
    text = sys.stdin.read() if str(path) == "-" else text_of(path, "--password-file")
    password, *more = text.splitlines() or [""]
    where = f"--password-file {path}"
    if not password:
        raise UsageError("its first line is empty", where=where, hint="a password there")
    if any(more):
        raise UsageError("it has more than one line", where=where, hint="the password alone")
    if "\0" in password:
        raise UsageError("it has a NUL, which no form takes", where=where)
    return password


def text_of(path: Path, option: str) -> str:
    """The text of a file. Raises UsageError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = f"cannot read this file: {unreadable(error)}"
        raise UsageError(reason, where=f"{option} {path}") from error
