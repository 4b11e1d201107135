"""The end of what a running server has printed, fit to be shown.

The hub that asks may have been restarted since, and not know the server's token any more. The
environments of the server and of what it started have it: this is why only a running one is shown.
"""

from __future__ import annotations

import json
import os

from .instance import Failed, Instance
from .redaction import redact, secrets_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

SIZE = 32 * 1024  # bytes of the log that are read
FITS = 60 * 1000  # bytes as JSON, in one line of at most 64 KiB (``protocol.MAX_LINE``)


def read_log(
    request: dict[str, Any], instance: Instance, say: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """The log's last lines; ``absent`` when nothing of the server runs."""
    instance.check_node()
    inside = instance.members()
    if not inside:
        return {"state": "absent"}
    if not instance.has("server.log"):
        raise Failed("run-dir", "%s is not there any more" % instance.file("server.log"))
    text = instance.tail(size=SIZE)  # before the environments: what is in it ran before
    hidden = set(secrets_in({}, *_files(instance)))
    for pid in inside:
        hidden.update(secrets_in(environment_of(pid)))
    return {"state": "log", "tail": fitted(redact(text, sorted(hidden, key=len, reverse=True)))}


def environment_of(pid: int) -> dict[str, str]:
    """What a process was started with; empty where that is not for us."""
    try:
        with open("/proc/%d/environ" % pid, "rb") as source:
            items = source.read().decode("utf-8", "replace").split("\0")
    except OSError:
        return {}
    return dict(item.split("=", 1) for item in items if "=" in item)


def _files(instance: Instance) -> list[str]:
    """Contents of the server's secret files."""
    found = []
    try:
        for name in os.listdir(instance.secrets):
            with open(os.path.join(instance.secrets, name), encoding="utf-8") as source:
                found.append(source.read())
    except (OSError, ValueError):
        pass
    return found


def fitted(text: str) -> str:
    """Its last lines, as many as fit: a character may take six bytes of JSON."""
    while len(json.dumps(text)) > FITS:
        text = text[len(text) // 4 + 1 :]
        text = text.partition("\n")[2] or text
    return text
