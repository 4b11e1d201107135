"""Asking a KDC that may be silent: bounded in time and number, at nobody else's cost.

libkrb5 waits for it for about half a minute, and nothing ends that. So what asks has threads of its
own, and not those in which asyncio looks up names. They are daemons: a hub that ends does not wait.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar
from weakref import WeakKeyDictionary

from ..errors import KdcSilent

AT_ONCE = 4
"""Threads that ask the KDC of one realm at a time, with those that nobody waits for any more."""
SILENT_FOR = 30.0  # seconds for which one that did not answer is not asked again
SLOW = 1.0  # seconds: what fails sooner can as well be tried again

T = TypeVar("T")
Realm = tuple[str, ...]


class Kdcs:
    """What is known of them, for all users of one hub."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rooms: dict[Realm, asyncio.Semaphore] = {}
        self._silent: dict[Realm, float] = {}

    async def ask(self, realm: Realm, work: Callable[[], T], seconds: float) -> T:
        """Do the work in a thread. Raises KdcSilent when it is not done after so many seconds.

        Whoever comes next is told at once, for ``SILENT_FOR``.
        """
        room = self._rooms.setdefault(realm, asyncio.Semaphore(AT_ONCE))
        limit = asyncio.timeout(seconds)
        began = self._clock()
        try:
            async with limit:
                self._check(realm)
                await room.acquire()
                try:
                    self._check(realm)  # others may have found out while we waited
                    done = _in_thread(work)
                except BaseException:
                    room.release()
                    raise
                done.add_done_callback(lambda done: _ended(room, done))
                return await asyncio.shield(done)
        except TimeoutError as error:
            if not limit.expired():
                raise
            self._silent[realm] = self._clock() + SILENT_FOR
            words = f"{_named(realm)} did not answer within {seconds:g} s"
            raise KdcSilent(
                f"{words}: tell an administrator, or try again later",
                f"{words} (SSHSpawner.connect_timeout)",
            ) from error
        except KdcSilent:
            if self._clock() - began > SLOW:
                self._silent.setdefault(realm, self._clock() + SILENT_FOR)
            raise

    def _check(self, realm: Realm) -> None:
        if self._silent.get(realm, 0.0) > self._clock():
            words = f"{_named(realm)} did not answer a moment ago: try again in half a minute"
            raise KdcSilent(words, words)
        self._silent.pop(realm, None)


def _ended(room: asyncio.Semaphore, done: asyncio.Future[T]) -> None:
    room.release()
    if not done.cancelled():
        done.exception()  # nobody may wait for it any more


def _named(realm: Realm) -> str:
    return f"the Kerberos server (KDC) of {realm[0]}" if realm[0] else "the Kerberos server (KDC)"


def _in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            settle = partial(done.set_result, work())
        except BaseException as error:
            settle = partial(done.set_exception, error)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name="kdc", daemon=True).start()
    return done


_kdcs: WeakKeyDictionary[asyncio.AbstractEventLoop, Kdcs] = WeakKeyDictionary()


def shared_kdcs() -> Kdcs:
    """Those of the running event loop."""
    return _kdcs.setdefault(asyncio.get_running_loop(), Kdcs())
