"""What starts and restarts cost in a run, by its journal alone."""

from __future__ import annotations

from collections.abc import Iterable

from hublab.journal.events import Restarted, SpawnProgress
from hublab.journal.file import Entry


def seconds_of_starts(entries: Iterable[Entry]) -> dict[str, float]:
    """Seconds of all starts and restarts, by program: `hub`, `proxy`, …, and `server`.

    A server starts with a progress of 0 ("Server requested") and has started, or failed, with one
    of 100 (jupyterhub/handlers and spawner.py, `_generate_progress`). A start that never came to
    that is not counted.
    """
    found: dict[str, float] = {}
    begun: dict[tuple[str, str, str], float] = {}
    for t, event in entries:
        match event:
            case Restarted(program=program, seconds=seconds):
                found[program] = found.get(program, 0.0) + seconds
            case SpawnProgress(lab=lab, user=user, server=server, progress=progress):
                if progress == 0:
                    begun[lab, user, server] = t
                elif progress == 100 and (lab, user, server) in begun:
                    since = begun.pop((lab, user, server))
                    found["server"] = found.get("server", 0.0) + t - since
    return found
