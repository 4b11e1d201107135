"""Changes functions of the software under test, in its own process on its own host.

`--sabotage` puts this text behind the snippet of a case (`software_change`), so that hub or server
run it at their start. A change has the dict `CHANGES`: a function's name -> what is called in its
place, with the function itself as the first argument. Nothing is changed on disk, so the change
ends with the process.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import tempfile
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


def install(change: str, source: str) -> None:
    """Put the functions of a change in place. Raises ImportError for a name that there is not."""
    names: dict[str, Any] = {"__name__": "hublab_change"}
    exec(compile(source, change, "exec", dont_inherit=True), names)
    for target, instead in names["CHANGES"].items():
        put_in_place(change, target, instead)


def put_in_place(change: str, target: str, instead: Function) -> None:
    """Have `package.module:Class.function` call `instead`, which gets the function first."""
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    try:
        owner: Any = importlib.import_module(module)
        for one in owners:
            owner = getattr(owner, one)
        found = inspect.getattr_static(owner, name)
    except AttributeError as error:
        raise ImportError(f"there is no {target}: {error}") from None
    kind = type(found) if isinstance(found, staticmethod | classmethod) else None
    function = found.__func__ if kind else found
    if not callable(function):
        raise ImportError(f"{target} is no function")
    changed = in_its_place(change, function, instead)
    setattr(owner, name, kind(changed) if kind else changed)


def in_its_place(change: str, function: Function, instead: Function) -> Function:
    """What is called in place of a function, of the same name and kind; its first call is noted."""
    noted: list[str] = []

    def note() -> None:
        if not noted:
            noted.append(change)
            handle, _ = tempfile.mkstemp(prefix="hublab-change.", dir="/tmp")
            with os.fdopen(handle, "w") as file:
                file.write(f"{change}\n")

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        note()
        return instead(function, *args, **kwargs)

    @functools.wraps(function)
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        note()
        return await instead(function, *args, **kwargs)

    return coroutine if inspect.iscoroutinefunction(function) else plain
