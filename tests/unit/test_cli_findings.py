"""`hublab findings`: which it lists."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hublab.cli.findings import findings
from hublab.errors import UsageError


def listed(*arguments: str) -> list[dict[str, object]]:
    done = CliRunner().invoke(findings, [*arguments, "--json"], catch_exceptions=False)
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_words_choose_findings_and_their_numbers_stay() -> None:
    every, some = listed(), listed("--grep", "DATABASE health")
    assert some
    assert [one for one in every if one in some] == some
    texts = [" ".join(map(str, one.values())).lower() for one in some]
    assert all("database" in text and "health" in text for text in texts)


@pytest.mark.parametrize(
    "arguments", [["--grep", "no-such-word"], ["--grep", ""], ["3", "--grep", "a"]]
)
def test_words_that_choose_nothing(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        CliRunner().invoke(findings, arguments, catch_exceptions=False, standalone_mode=False)
