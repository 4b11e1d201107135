"""Where a password is printed, and where it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from hublab.cli import sign_in
from hublab.running.lab import Lab
from hublab.running.sign_in import SignIn, password_of

PASSWORD = "canary-4711"
KNOWN = SignIn("http://127.0.0.1:8000/base/", "ann b", PASSWORD)


@pytest.mark.parametrize(
    ("ci", "asked", "shown"),
    [("", False, True), ("true", False, False), ("1", True, True), (None, False, True)],
)
def test_a_ci_system_gets_it_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, ci: str | None, asked: bool, shown: bool
) -> None:
    """Its log is kept, and read by others."""
    if ci is None:
        monkeypatch.delenv("CI", raising=False)
    else:
        monkeypatch.setenv("CI", ci)
    data = sign_in.as_data(KNOWN, asked)
    assert data is not None
    assert (data["password"] == PASSWORD) == shown
    assert data["password"] in (PASSWORD, None)
    assert (PASSWORD in sign_in.in_words(KNOWN, asked)) == shown


def test_a_record_does_not_show_it() -> None:
    """As it stands in a traceback, or in pytest's report."""
    assert PASSWORD not in repr(KNOWN)


def test_the_page_has_the_name_and_no_password() -> None:
    """jupyterhub/handlers/login.py: `LoginHandler.get` reads the argument `username`."""
    assert KNOWN.page == "http://127.0.0.1:8000/base/hub/login?username=ann+b"


class Keeps:
    """A lab and its engine, whose hub's host has these bytes as the user's password."""

    service, id = "hub", "1"

    def __init__(self, kept: bytes) -> None:
        self.kept = kept
        self.engine: Any = self

    def one(self, role: str) -> Keeps:
        return self

    def read_file(self, container: str, path: str) -> bytes | None:
        return self.kept if path.endswith("/own_password") else None


@pytest.mark.parametrize("kept", [" my word ", "my\tword\t", "plain"])
def test_blanks_of_a_password_are_of_it(kept: str) -> None:
    """Only the end of a line is none."""
    assert password_of(cast(Lab, Keeps(kept.encode()))) == kept
    assert password_of(cast(Lab, Keeps(f"{kept}\n".encode()))) == kept


@pytest.mark.parametrize("provider", ["", "http://198.18.0.50:9000"])
def test_who_cannot_sign_in_by_hand_is_told(
    provider: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A browser that is sent to a provider which this machine does not reach."""
    sign_in.show_sign_in(replace(KNOWN, out_of_reach=provider), asked=False)
    said = " ".join(capsys.readouterr().out.split())
    assert ("fails in a browser on this machine" in said) == bool(provider)
    assert provider in said
