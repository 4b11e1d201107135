"""A GET with a token, sent from inside a host of the lab.

It works where no other host gets to: an API that listens on 127.0.0.1 only, a network that is cut.
"""

from __future__ import annotations

import re

from hublab.errors import Undecided
from hublab.running.lab import Lab

SCRIPT = "/opt/hublab/routes.py"
"""In the sidecar's image: compose/images/tools/routes.py."""


def get_from_inside(lab: Lab, host: str, url: str, token: str) -> str:
    """The body at a URL, asked by the host's sidecar with `Authorization: token …`.

    Raises Undecided when there is no answer, or one that is no success.
    """
    done = lab.engine.exec(
        lab.sidecar(host), ["python3", SCRIPT, url], environment={"ROUTES_TOKEN": token}
    )
    if done.exit_code:
        raise Undecided(failure_of(done.stderr), where=host)
    return done.stdout


def failure_of(stderr: str) -> str:
    """Why the script got no answer, from its traceback: without the names of Python's errors."""
    *_, last = stderr.strip().splitlines() or ["it says nothing"]
    if refused := re.match(r"urllib\.error\.HTTPError: HTTP Error (.*?):? *$", last):
        return f"HTTP status {refused[1]}"
    return re.sub(r"^[\w.]*(?:Error|Exception): |<urlopen error (?:\[\w+ -?\d+\] )?|>$", "", last)
