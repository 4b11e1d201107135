"""Tables that are piped: every name can be copied, and no line ends with blanks."""

from __future__ import annotations

import pytest

from hublab.cli.common import console, table

NAME = "scenarios/cross_host/test_a_long_name_of_a_file.py::test_with_a_long_name_of_its_own"
TITLE = "What is found, in a sentence of many words that is longer than any terminal is wide"


@pytest.mark.parametrize("columns", ["40", "80", "200", ""])
def test_words_stay_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    rows = table(None, "", "FINDING", "SCENARIO", "LAST")
    rows.add_row("1", TITLE, f"{NAME}\n{NAME}_2", "x")
    rows.add_row("2", "short", NAME, "")
    console(stderr=False).print(rows)
    lines = capsys.readouterr().out.splitlines()
    text = "\n".join(lines)
    assert not [line for line in lines if line.endswith(" ")]
    assert text.count(NAME) == 3
    assert f"{NAME}_2" in text
    assert all(word in text.split() for word in TITLE.split())
    assert max(map(len, lines)) <= max(int(columns or 200), len(NAME) + 30)


def test_other_words_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    console(stderr=False).print("a  ", markup=False, end="")
    assert capsys.readouterr().out == "a  "


def test_a_long_path_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    path = "/a-folder-with-a-name" * 9 + "/with blanks too/compose.yaml"
    console(stderr=False).print(path, markup=False)
    assert capsys.readouterr().out == f"{path}\n"
