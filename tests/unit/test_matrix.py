"""Axes and cases: one syntax, a stable order, stable names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hublab.cases.matrix import Axis, cases, override, parse_axis
from hublab.errors import SettingError

KEY = "server.ServerApp.allow_origin"
plain = st.text(st.characters(codec="utf-8", exclude_characters=","), max_size=8).filter(
    lambda s: s.lstrip()[:1] not in ("[", "{", '"')
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a,b", ("a", "b")),
        (",*", ("", "*")),
        ("", ("",)),
        ('["", "*"]', ("", "*")),
        ("[5.4, null, true]", (5.4, None, True)),
        ('"a,b","c"', ("a,b", "c")),
        ('{"x": 1},{"x": 2}', ({"x": 1}, {"x": 2})),
        ("5.4,6", ("5.4", "6")),
        ("[[1, 2], []]", ([1, 2], [])),
    ],
)
def test_an_axis_is_a_json_list_or_a_comma_list(text: str, values: tuple[object, ...]) -> None:
    assert parse_axis(f"{KEY}={text}") == Axis(KEY, values)  # type: ignore[arg-type]


@given(st.lists(plain, min_size=1, max_size=4, unique=True))
def test_comma_and_json_lists_agree(values: list[str]) -> None:
    by_commas = parse_axis(f"{KEY}={','.join(values)}")
    assert by_commas == parse_axis(f"{KEY}={json.dumps(values)}")
    assert by_commas.values == tuple(values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (KEY, "no '='"),
        (f"{KEY}=[]", "no values"),
        (f"{KEY}=a,b,a", "'a' twice"),
        (f'{KEY}=["5", 5]', "'5' twice"),
        (f"{KEY}=[1", "character"),
        (f'{KEY}="a",b', "is invalid at character"),
        ("servr.ServerApp.x=1", "hint: server.ServerApp.x"),
    ],
)
def test_wrong_axes_are_refused_with_the_reason(text: str, expected: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_axis(text, where="--axis")
    assert expected in str(caught.value)
    assert "where: --axis" in str(caught.value)


def test_text_is_not_a_list_of_values() -> None:
    with pytest.raises(SettingError, match="hint"):
        Axis.of(KEY, "abc")


def test_snippets_may_be_values_of_an_axis(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(f"# {name}\n")
    made = cases([parse_axis(f"hub.snippet={tmp_path}/a.py,{tmp_path}/b.py")])
    assert [case.settings.snippet("hub") for case in made] == ["# a.py\n", "# b.py\n"]
    assert made[0].id.startswith("hub.snippet=a.py@")


def test_axes_multiply_with_the_first_changing_slowest() -> None:
    made = cases([parse_axis("hub.A.z=1,2"), parse_axis("hub.A.a=x,y")])
    assert [(c["hub.A.z"], c["hub.A.a"]) for c in made] == [
        ("1", "x"),
        ("1", "y"),
        ("2", "x"),
        ("2", "y"),
    ]
    assert made[0].id == "hub.A.a=x;hub.A.z=1"


def test_no_axes_make_one_case() -> None:
    (only,) = cases()
    assert only.id == "default"
    assert only == {}
    assert len({only, *cases()}) == 1


def test_a_pin_takes_the_place_of_its_axis() -> None:
    made = cases([parse_axis("hub.A.a=x,y"), parse_axis("hub.A.b=1,2")], pinned={"hub.A.a": "q"})
    assert [case.id for case in made] == ["hub.A.a=q;hub.A.b=1", "hub.A.a=q;hub.A.b=2"]


def test_override_replaces_in_place_and_adds_at_the_end() -> None:
    axes = [parse_axis("hub.A.a=x,y"), parse_axis("hub.A.b=1")]
    new = override(axes, parse_axis("hub.A.a=z"), parse_axis("hub.A.c=3"))
    assert [(axis.key, axis.values) for axis in new] == [
        ("hub.A.a", ("z",)),
        ("hub.A.b", ("1",)),
        ("hub.A.c", ("3",)),
    ]


def test_two_axes_with_one_key_are_refused() -> None:
    with pytest.raises(SettingError, match=r"two axes for hub\.A\.a"):
        cases([parse_axis("hub.A.a=x"), parse_axis("hub.A.a=y")])


@given(st.lists(st.text(), min_size=1, max_size=5, unique=True))
def test_ids_are_distinct_short_and_plain(values: list[str]) -> None:
    ids = [case.id for case in cases([Axis.of(KEY, values)])]
    assert len(set(ids)) == len(values)
    for name in ids:
        assert name.isascii()
        assert name.isprintable()
        assert len(name) <= len(KEY) + 1 + 40


def test_ids_do_not_change() -> None:
    """Ids are stored in journals: a change here is a change of the format."""
    made = cases([Axis.of(KEY, ["", "*", "http://app.lab", "x" * 50, {"b": 1, "a": [None]}, 5.4])])
    assert [case.id.removeprefix(KEY) for case in made] == [
        "=",
        "=*",
        "=http://app.lab",
        "=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx~77cf1206",
        '={"a":[null],"b":1}',
        "=5.4",
    ]
