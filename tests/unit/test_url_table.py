"""The words of a table of URLs, and what they stand for; a chain of answers in one line."""

from __future__ import annotations

import pytest

from hublab.cases.url_table import UrlRow, answer_line, below, kind, shown, written_out
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
def test_words_in_full(request_line: str, expected: str, in_full: str) -> None:
    row = UrlRow("bob", request_line, expected, "a source")
    assert written_out(row, {"STOPPED": "424"}) == in_full


def test_a_prefix_is_before_every_path() -> None:
    text = "301 /user/bob/ > 302 /hub/login?next=/hub/user/bob/ > 200 html"
    moved = "301 /jh/user/bob/ > 302 /jh/hub/login?next=/jh/hub/user/bob/ > 200 html"
    assert below("/jh/", text) == moved
    assert below("/", text) == text
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
def test_where_a_redirect_leads(location: str, in_words: str) -> None:
    assert shown(location) == in_words


def answer(body: bytes, sort: str | None, *chain: Step) -> Answer:
    headers = (("Content-Type", sort),) if sort else ()
    return Answer(200, "OK", "http://proxy/", headers, body, chain)


def test_a_chain_in_one_line() -> None:
    first = Step("GET", "http://proxy/", 302, "/hub/")
    last = Step("GET", "http://proxy/hub/", 200, None)
    assert (
        answer_line(answer(b"x", "text/html; charset=UTF-8", first, last)) == "302 /hub/ > 200 html"
    )
    assert answer_line(answer(b"", None, first)) == "302 /hub/"


def test_sorts_of_bodies() -> None:
    assert [kind(answer(b, s)) for b, s in ((b"", "text/html"), (b"x", None), (b"x", "a/b"))] == [
        "empty",
        "untyped",
        "a/b",
    ]
