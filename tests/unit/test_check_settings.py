"""The checks that run with the hub's software, if that is installed here."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

ETC = Path(__file__).parents[2] / "compose" / "etc"


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it runs in a throw-away container."""
    monkeypatch.syspath_prepend(str(ETC))
    import check_settings  # type: ignore[import-not-found]

    return check_settings  # type: ignore[no-any-return]


@pytest.mark.parametrize("trait", ["spawner_class", "authenticator_class", "proxy_class"])
@pytest.mark.parametrize("value", ["nosuch", "no.such.Thing"])
def test_a_missing_class_is_reported(check: ModuleType, trait: str, value: str) -> None:
    """One reason for one setting, and no traceback."""
    given = {"JupyterHub": {trait: value}, "Spawner": {"http_timeout": "5"}}
    (wrong,) = check.problems(given, check.with_parents(check.hub_classes(given)))
    assert wrong["key"] == f"JupyterHub.{trait}"
    assert value in wrong["reason"]
    assert "\n" not in wrong["reason"]
    assert " object at " not in wrong["reason"]


def test_an_installed_class_is_accepted(check: ModuleType) -> None:
    given = {
        "JupyterHub": {"authenticator_class": "dummy"},
        "DummyAuthenticator": {"password": "x"},
    }
    assert check.problems(given, check.with_parents(check.hub_classes(given))) == []


def test_a_python_value_is_not_parsed_as_text(check: ModuleType) -> None:
    """In a file of Python a text is a text, which no trait of a number takes."""
    known = check.with_parents(check.hub_classes({}))
    trait = known["Spawner"].class_traits()["http_timeout"]
    assert check.value_problem("Spawner", "http_timeout", trait, "30") is None
    assert "'30'" in check.value_problem("Spawner", "http_timeout", trait, "30", as_text=False)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("c.Spawner.http_timeout = 30\n", None, ""),
        ("raise RuntimeError('no hub today')\n", None, ""),
        ("import os\nfrom nowhere import something\n", 2, "No module named 'nowhere'"),
        ("import os\nc.Foo.bar = 1\n", 2, "has a class Foo"),
        (
            "from jupyterhub.auth import DummyAuthenticator\n"
            "class Mine(DummyAuthenticator): pass\n"
            "c.JupyterHub.authenticator_class = Mine\nc.Mine.password = 'x'\n",
            None,
            "",
        ),
    ],
)
def test_a_snippet_that_names_something_missing_is_reported(
    check: ModuleType, tmp_path: Path, text: str, line: int | None, says: str
) -> None:
    """What is not there is found; what may be there in a lab alone is left to that."""
    assert check
    import check_snippet  # type: ignore[import-not-found]

    path = tmp_path / "snippet.py"
    path.write_text(text)
    wrong = check_snippet.wrong_in("hub", path)
    assert (wrong and wrong["line"]) == line
    assert says in str(wrong)
