"""A lab that never got ready: the first test says why, and those after it that it said so."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from hublab.errors import HublabError, LabError
from hublab.pytest_plugin import labs
from hublab.pytest_plugin.labs import Labs, SharedLab, compose_files
from hublab.pytest_plugin.topologies import LabOptions
from hublab.settings.values import Settings

LAB = ("lab",)


@pytest.mark.parametrize(("new", "again"), [(True, "as an earlier test says"), (False, "no hub")])
def test_a_lab_that_is_gone_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, new: bool, again: str
) -> None:
    """A lab that somebody else made is still there, and is."""

    async def make_ready(*_: object) -> None:
        raise LabError("no hub\nin two lines")

    monkeypatch.setattr(labs, "make_ready", make_ready)
    created: Any = SimpleNamespace(new=new)
    nothing: Any = None
    run = Labs(LabOptions(None, False, ()), nothing, print, "", Settings())
    run._labs[compose_files(LAB)] = SharedLab(created, new, Settings(), print, False)
    for words in ("no hub", again):
        with pytest.raises(HublabError, match=words):
            asyncio.run(run.make_ready(run.get(LAB, list)))
