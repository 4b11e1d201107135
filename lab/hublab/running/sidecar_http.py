"""A GET with a token, sent from inside a host of the lab.

It works where no other host gets to: an API that listens on 127.0.0.1 only, a network that is cut.
"""

from __future__ import annotations

import re

from hublab.errors import Undecided
from hublab.running.lab import Lab

GET = (
    "printf 'Authorization: token %s' \"$TOKEN\" | "
    "curl --silent --show-error --fail --noproxy '*' --max-time 5 --header @- \"$1\""
)
"""The token is in no arguments, which everybody on the host can read."""


def get_from_inside(lab: Lab, host: str, url: str, token: str) -> str:
    """The body at a URL, asked by the host's sidecar with `Authorization: token …`.

    Raises Undecided when there is no answer, or one that is no success.
    """
    argv = ["sh", "-c", GET, "-", url]
    done = lab.engine.exec(lab.sidecar(host), argv, environment={"TOKEN": token})
    if done.exit_code:
        raise Undecided(failure_of(done.stderr), where=host)
    return done.stdout


def failure_of(stderr: str) -> str:
    """Why curl got no answer, without what it says of itself (curl(1), "EXIT CODES")."""
    *_, last = stderr.strip().splitlines() or ["it says nothing"]
    last = re.sub(r"^curl: \(\d+\) ", "", last)
    if refused := re.match(r"The requested URL returned error: (\d+)", last):
        return f"HTTP status {refused[1]}"
    return re.sub(r" after \d+ (ms|milliseconds)\b", "", last)
