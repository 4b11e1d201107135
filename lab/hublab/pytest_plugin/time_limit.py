"""Ends a scenario that hangs: `--lab-timeout`.

What a scenario waits for may be silent for ever: a port that takes a connection and says nothing,
a program in a host that does not end. What is awaited is cancelled; what blocks the event loop, or
a test that is no coroutine, is interrupted by SIGALRM. The lab is then reset, or removed, as after
any failure.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import signal
import threading
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from hublab.errors import Undecided
from hublab.pytest_plugin.failing_line import Place, is_users, users_places

DEFAULT = 1800.0
"""Seconds: three times what the longest of hublab's own scenarios takes."""
GRACE = (2.0, 60.0)
"""Seconds, at least and at most, that a coroutine has to end after it was cancelled, before it is
interrupted: what it undoes then, a fault or a database that it stopped, takes its time."""
OPTION = "--lab-timeout"


class TookTooLong(Undecided):
    """A scenario was not over in time, so nobody knows what it would have found."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--lab-timeout`."""
    parser.getgroup("hublab").addoption(
        OPTION,
        type=seconds,
        default=DEFAULT,
        metavar="SECONDS",
        help="end a scenario that is not over after this time, its fixtures apart, as undecided "
        f"({DEFAULT:.0f}; 0 for no limit)",
    )


def seconds(text: str) -> float:
    """A time that an option gives. Raises ValueError, which argparse tells the user."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError
    return value


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have each coroutine that uses a lab end in time."""
    limit: float = config.getoption(OPTION)
    for item in items:
        if limit and isinstance(item, pytest.Function) and needs_limit(item):
            item.obj = in_time(item, limit)


def needs_limit(item: pytest.Function) -> bool:
    return "lab" in item.fixturenames and inspect.iscoroutinefunction(item.obj)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Interrupt a test that uses a lab, if it blocks the process."""
    limit: float = item.config.getoption(OPTION)
    if not limit or "lab" not in getattr(item, "fixturenames", ()) or not can_interrupt():
        return (yield)

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise too_long(item, limit, users_frames(item, frame))

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, limit + grace(limit))
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def grace(limit: float) -> float:
    """A tenth of the limit, within the bounds: who sets a short limit wants a short end."""
    return min(max(limit / 10, GRACE[0]), GRACE[1])


def can_interrupt() -> bool:
    """Whether signals reach what runs the tests; a timer of somebody else's is left alone."""
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def users_frames(item: pytest.Item, frame: FrameType | None) -> list[Place]:
    """The lines of the user's own files that are running, the innermost last."""
    found = []
    while frame is not None:
        place = Place(Path(frame.f_code.co_filename), frame.f_lineno)
        if is_users(place.path, item):
            found.append(place)
        frame = frame.f_back
    return found[::-1]


def too_long(item: pytest.Item, limit: float, places: list[Place]) -> TookTooLong:
    """What a scenario raises that took too long; the last of the places is where it was."""
    where = places[-1].shown(item.config.invocation_params.dir) if places else None
    hint = f"{OPTION} sets another limit"
    return TookTooLong(f"it was not over after {limit:g} s", where=where, hint=hint)


def in_time(item: pytest.Function, limit: float) -> Callable[..., Awaitable[Any]]:
    """The scenario, which raises TookTooLong after `limit` seconds."""
    scenario = item.obj

    @functools.wraps(scenario)
    async def limited(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            async with asyncio.timeout(limit) as end:
                return await scenario(*args, **kwargs)
        except TimeoutError as error:
            if not end.expired():
                raise
            cancelled = error.__cause__ or error
            places = users_places(pytest.ExceptionInfo.from_exception(cancelled), item)
            late = too_long(item, limit, places)
            raise late.with_traceback(cancelled.__traceback__) from None

    return limited
