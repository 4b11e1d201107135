"""The error tree: one message, and exit codes as documented."""

from __future__ import annotations

import pickle

import pytest
from aiohttp import RequestInfo, TooManyRedirects
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from hublab import errors
from hublab.errors import HublabError


def test_an_error_without_place_and_hint_is_its_message() -> None:
    assert str(HublabError("no lab is running")) == "no lab is running"


def test_where_and_hint_are_indented_lines() -> None:
    error = errors.SettingError("no such scope", where="--set", hint="hub.…\nserver.…")
    assert str(error).splitlines() == [
        "no such scope",
        "  where: --set",
        "  hint: hub.…",
        "        server.…",
    ]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ExpectationFailed, 1),
        (errors.Undecided, 2),
        (errors.MachineError, 3),
        (errors.UsageError, 64),
        (errors.SettingError, 64),
        (errors.TopologyError, 64),
        (errors.LabNameError, 64),
        (errors.NoSuchLab, 64),
        (errors.NoSuchHost, 64),
        (errors.InternalError, 70),
        (errors.EngineError, 70),
        (errors.LabError, 70),
        (errors.HubError, 1),
        (errors.Interrupted, 130),
    ],
)
def test_each_kind_of_error_has_its_exit_code(kind: type[HublabError], code: int) -> None:
    assert kind("x").exit_code == code
    assert kind("x").as_json()["exit_code"] == code


def test_an_error_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(errors.NoSuchHost("no host x", where="lab", hint="hub")))
    assert (error.message, error.where, error.hint) == ("no host x", "lab", "hub")


def test_an_error_without_a_message_is_shown_by_its_class() -> None:
    """An exception is true, whatever it says: `error or …` would tell nothing."""
    assert errors.in_words(TimeoutError()) == "TimeoutError"
    assert errors.in_words(OSError("no route")) == "no route"
    info = RequestInfo(URL("http://hub/"), "GET", CIMultiDictProxy(CIMultiDict()))
    # aiohttp's own words are a status of 0 and an empty message.
    assert errors.in_words(TooManyRedirects(info, ())) == "it redirects again and again"
