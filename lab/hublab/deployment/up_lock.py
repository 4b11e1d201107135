"""Labs come up one after the other: they share images, subnets and ports to choose from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from filelock import FileLock, Timeout

from hublab.paths import ensure_dir, labs_folder
from hublab.progress import Progress


@contextlib.contextmanager
def up_lock(progress: Progress) -> Iterator[None]:
    """Keep other processes of this account from bringing a lab up; reports when it has to wait.

    May be held around `create` and `make_ready` together, in whichever thread: it is one lock
    for a process.
    """
    lock = FileLock(ensure_dir(labs_folder()) / "up.lock", is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress("another lab is coming up; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
