"""The address that is told to people leads to the hub, whatever its base URL is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hublab.running.hub_address import BASE_URL, hub_url
from hublab.settings.values import Settings

FRONT = "http://127.0.0.1:8000/"
LISTENS = "Hub API listening on http://0.0.0.0:8081{}hub/\n"


def lab_with(log: str, settings: dict[str, str]) -> Any:
    return SimpleNamespace(
        url=FRONT,
        engine=SimpleNamespace(logs=lambda host, tail: f"Running JupyterHub version 5\n{log}"),
        one=lambda role: SimpleNamespace(id=role),
        of_role=lambda role: [role],
        settings=lambda: Settings(settings),
    )


@pytest.mark.parametrize(
    ("log", "settings", "expected"),
    [
        (LISTENS.format("/"), {}, FRONT),
        (LISTENS.format("/jhub/"), {BASE_URL: "jhub"}, f"{FRONT}jhub/"),
        # In a configuration file of the user's own, of which the settings know nothing.
        (LISTENS.format("/a/b/"), {}, f"{FRONT}a/b/"),
        ("", {BASE_URL: "jhub"}, f"{FRONT}jhub/"),
        ("", {BASE_URL: "/jhub/"}, f"{FRONT}jhub/"),
        ("", {BASE_URL: "/"}, FRONT),
        ("", {}, FRONT),
    ],
)
def test_the_base_url_is_part_of_it(log: str, settings: dict[str, str], expected: str) -> None:
    assert hub_url(lab_with(log, settings)) == expected


def test_a_lab_whose_hub_is_gone() -> None:
    lab = lab_with("", {})
    lab.of_role = lambda role: []
    assert hub_url(lab) == FRONT
