"""Runs scenarios, plain `async def` tests, on one event loop that lives as long as the labs."""

from __future__ import annotations

import inspect
from typing import Any

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: Any) -> None:
    """Mark a scenario's coroutines for pytest-asyncio, unless they have its marker already.

    Scenarios are the tests with a topology and those that use the fixture `lab`. Other coroutines
    belong to test suites with their own rules.
    """
    function = getattr(obj, "__func__", obj)
    if not inspect.iscoroutinefunction(function) or not collector.funcnamefilter(name):
        return
    marks = {mark.name for mark in getattr(function, "pytestmark", ())}
    marks |= {mark.name for mark in collector.iter_markers()}
    is_scenario = "topology" in marks or "lab" in inspect.signature(function).parameters
    if is_scenario and "asyncio" not in marks:
        pytest.mark.asyncio(loop_scope="session")(function)
