"""Ends a scenario that hangs: `--lab-timeout`.

What a scenario waits for may be silent for ever: a port that takes a connection and says nothing,
a program in a host that does not end. The lab is then reset, or removed, as after any failure.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hublab.errors import Undecided
from hublab.pytest_plugin.failing_line import users_places

DEFAULT = 1800.0
"""Seconds: three times what the longest of hublab's own scenarios takes."""
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
            late = TookTooLong(
                f"it was not over after {limit:g} s",
                where=place_in(item, cancelled),
                hint=f"{OPTION} sets another limit",
            )
            raise late.with_traceback(cancelled.__traceback__) from None

    return limited


def place_in(item: pytest.Function, cancelled: BaseException) -> str | None:
    """The line of the user's own files at which a scenario was cancelled."""
    places = users_places(pytest.ExceptionInfo.from_exception(cancelled), item)
    return places[-1].shown(item.config.invocation_params.dir) if places else None
