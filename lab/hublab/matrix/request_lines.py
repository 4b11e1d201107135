"""A request as one line: `/hub/api/ --as alice --token --origin http://app.lab`."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from typing import NoReturn

from hublab.errors import UsageError

FORM = "PATH [--as USER [--token]] [--origin ORIGIN] [-X METHOD]"


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request from the client host through the proxy; its text names its column."""

    text: str
    path: str
    user: str | None = None
    token: bool = False
    origin: str | None = None
    method: str = "GET"

    def __str__(self) -> str:
        return self.text


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse_request(text: str, *, where: str) -> RequestLine:
    """Read a line; raises UsageError that says what is wrong and where."""
    parser = _Parser(prog="request", add_help=False, allow_abbrev=False)
    parser.add_argument("path")
    parser.add_argument("--as", dest="user")
    parser.add_argument("--token", action="store_true")
    parser.add_argument("--origin")
    parser.add_argument("-X", "--method", default="GET")
    try:
        found = parser.parse_args(shlex.split(text))
    except (UsageError, ValueError) as error:
        raise UsageError(f"{text!r} is no request: {error}", where=where, hint=FORM) from None
    if not found.path.startswith("/"):
        raise UsageError(f"{found.path!r} is no path", where=where, hint=f"/{found.path}")
    if found.token and not found.user:
        raise UsageError("--token needs a user", where=where, hint="--as USER")
    return RequestLine(
        " ".join(text.split()), found.path, found.user, found.token, found.origin, found.method
    )
