"""Tables of URLs: abbreviations are expanded, and a chain of answers is one line."""

from __future__ import annotations

import pytest

from hublab.cases.url_table import UrlRow, answer_line, body_kind, expand, prefixed, shown_location
from hublab.probes.http import Answer, Step


@pytest.mark.parametrize(
    ("request_line", "expected", "in_full"),
    [
        ("GET /hub/home", "200 html", "200 html"),
        ("GET /hub/home", "login", "302 /hub/login?next=/hub/home > 200 html"),
        (
            "GET /user/bob/lab?a=1",
            "hub > login",
            "302 /hub/user/bob/lab > 302 /hub/login?next=/hub/user/bob/lab > 200 html",
        ),
        (
            "GET /user/bob/",
            "hub > progress > 500 html",
            "302 /hub/user/bob/ > 303 /hub/spawn-pending/bob?next=/hub/user/bob/ > 500 html",
        ),
        (
            "GET /user/bob",
            "301 /user/bob/ > hub > STOPPED html",
            "301 /user/bob/ > 302 /hub/user/bob/ > 424 html",
        ),
    ],
)
def test_abbreviated_steps_are_expanded(request_line: str, expected: str, in_full: str) -> None:
    row = UrlRow("bob", request_line, expected, "a source")
    assert expand(row, {"STOPPED": "424"}) == in_full


def test_a_base_url_is_added_to_every_path() -> None:
    text = "301 /user/bob/ > 302 /hub/login?next=/hub/user/bob/ > 200 html"
    moved = "301 /jh/user/bob/ > 302 /jh/hub/login?next=/jh/hub/user/bob/ > 200 html"
    assert prefixed("/jh/", text) == moved
    assert prefixed("/", text) == text
    assert UrlRow("bob", "GET /hub/home", "", "").ask("/jh/").target == "/jh/hub/home"


@pytest.mark.parametrize(
    ("location", "in_words"),
    [
        ("/hub/login?next=%2Fhub%2Fhome", "/hub/login?next=/hub/home"),
        ("/hub/api/oauth2/authorize?client_id=x&state=y", "/hub/api/oauth2/authorize"),
        ("/user/bob/?redirects=2&a=1", "/user/bob/?redirects=2"),
        ("//evil.example/x", "//evil.example/x"),
        ("http://evil.example/x?next=/", "http://evil.example/x?next=/"),
    ],
)
def test_changing_query_parameters_are_left_out_of_a_redirect(location: str, in_words: str) -> None:
    assert shown_location(location) == in_words


def answer(body: bytes, sort: str | None, *chain: Step) -> Answer:
    headers = (("Content-Type", sort),) if sort else ()
    return Answer(200, "OK", "http://proxy/", headers, body, chain)


def test_a_chain_of_answers_is_one_line() -> None:
    first = Step("GET", "http://proxy/", 302, "/hub/")
    last = Step("GET", "http://proxy/hub/", 200, None)
    assert (
        answer_line(answer(b"x", "text/html; charset=UTF-8", first, last)) == "302 /hub/ > 200 html"
    )
    assert answer_line(answer(b"", None, first)) == "302 /hub/"


def test_a_body_has_a_kind() -> None:
    assert [
        body_kind(answer(b, s)) for b, s in ((b"", "text/html"), (b"x", None), (b"x", "a/b"))
    ] == [
        "empty",
        "untyped",
        "a/b",
    ]
