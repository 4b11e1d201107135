"""Labs come up one at a time, because they choose from the same images, subnets and ports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from filelock import FileLock, Timeout

from hublab.paths import ensure_dir, labs_folder
from hublab.progress import Progress


@contextlib.contextmanager
def up_lock(progress: Progress) -> Iterator[None]:
    """Keep other processes of this account from bringing a lab up; reports if it has to wait.

    It is reentrant within a process, from any thread, so a caller may hold it around `create` and
    `make_ready` together.
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
