"""Tables on a terminal: no identifier is cut; too wide a table becomes a list."""

from __future__ import annotations

import io

import pytest

from hublab.cli import reach
from hublab.cli.common import Terminal, table
from hublab.diagnosis.reach import HopDiagnosis

URL = "http://198.18.104.32:54905/user/alice/analysis/api"
SETTING = "hub.ConfigurableHTTPProxy.api_url"
HOP = HopDiagnosis(
    source="proxy",
    target="alice/analysis's server",
    url=URL,
    ok=False,
    layer="DNS",
    address=None,
    status=None,
    seconds=0.0121,
    error="Connection refused [Errno 111]",
    setting=SETTING,
    workaround=None,
)


def terminal(columns: int) -> tuple[Terminal, io.StringIO]:
    file = io.StringIO()
    made = Terminal(
        file=file,
        width=columns,
        force_terminal=True,
        no_color=True,
        highlight=False,
        soft_wrap=True,
    )
    return made, file


def printed(columns: int) -> str:
    screen, file = terminal(columns)
    rows = table(None, "", "FROM", "URL", "SETTING")
    rows.add_row("[green]ok[/green]", "a host", URL, SETTING)
    rows.add_row("", "hub", URL, "")
    screen.print(rows)
    return file.getvalue()


@pytest.mark.parametrize("columns", [20, 80, 120])
def test_identifiers_stay_whole(columns: int) -> None:
    """As a person copies them: a terminal wraps a long line, and the text is one line."""
    text = printed(columns)
    assert text.count(URL) == 2
    assert text.count(SETTING) == 1


def test_a_list_names_each_column() -> None:
    """Empty cells are left out."""
    lines = [line.split() for line in printed(80).splitlines()]
    assert ["URL", URL] in lines
    assert ["FROM", "hub"] in lines
    assert ["SETTING"] not in lines


def test_a_table_that_fits_stays_one() -> None:
    assert "FROM" in printed(120).splitlines()[0]
    assert "URL" in printed(120).splitlines()[0]


@pytest.mark.parametrize("columns", [80, 400])
def test_hops(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Three lines a hop at 80 columns, a table where there is room; brackets are no markup."""
    screen, file = terminal(columns)
    for module in ("hublab.cli.reach", "hublab.cli.common"):
        monkeypatch.setattr(f"{module}.out", screen)
    reach.show([HOP, HOP])
    lines = file.getvalue().splitlines()
    text = "\n".join(lines)
    assert text.count(URL) == text.count(SETTING) == 2
    assert len(lines) == (6 if columns == 80 else 3)
    assert "[Errno 111]" in text
