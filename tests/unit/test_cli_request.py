"""What is typed is what is sent; what is secret is not printed; what cannot be sent is refused."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator

import pytest
from yarl import URL

from hublab.cli.request import read_body, with_type
from hublab.cli.request_options import by_name, check_request_options, header_pairs
from hublab.errors import Undecided, UsageError
from hublab.journal.redaction import REDACTED, Redactor
from hublab.probes.http import destination
from hublab.running.raw_http import Ask, AsTyped, send, written

ODD = (
    "/user/alice/../x",
    "/a//b",
    "/%2F",
    "/a b",
    "/%7e",
    "hub/login",
    "*",
    "http://other/x",
    "/ü",
    "/a#b",
    "/a?x=%2f&y= 1",
    "/\udcff",
)


class Listener:
    """Answers every request with 200 and keeps what came."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self.heads: list[bytes] = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                self.heads.append(head)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                    b"Content-Length: 2\r\n\r\nhi"
                )


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A listener that is reached without a lab's channel."""

    def connect(self: AsTyped) -> None:
        self.sock = socket.create_connection((self.host, self.port), 5)

    monkeypatch.setattr(AsTyped, "connect", connect)
    found = Listener()
    yield found
    found.socket.close()


@pytest.mark.parametrize("target", ODD)
def test_the_target_is_sent_as_typed(listener: Listener, target: str) -> None:
    here = URL(f"http://127.0.0.1:{listener.port}")
    answer = send("", here, Ask(target), {})
    assert answer.status == 200
    line = listener.heads[0].partition(b"\r\n")[0]
    assert line == b"GET " + target.encode("utf-8", "surrogateescape") + b" HTTP/1.1"


def test_own_headers_win_and_both_cookies_are_told(listener: Listener) -> None:
    here = URL(f"http://127.0.0.1:{listener.port}")
    wanted = Ask("/", "POST", (("host", "other.lab"), ("Origin", "http://app.lab")), b"{}")
    answer = send("", here, wanted, {"Cookie": "a=1"})
    head = listener.heads[0].decode()
    assert head.count("ost: ") == 1
    assert "host: other.lab" in head
    assert "Content-Length: 2" in head
    assert [value for name, value in answer.headers if name == "Set-Cookie"] == ["a=1", "b=2"]


def test_a_header_that_came_twice_has_both_values() -> None:
    """Both are in force, of a Content-Security-Policy for instance."""
    pairs = [("X-A", "1"), ("X-B", "2"), ("X-A", "3"), ("X-A", "4")]
    assert by_name(pairs) == {"X-A": ["1", "3", "4"], "X-B": "2"}


def test_nobody_there_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: AsTyped) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(AsTyped, "connect", refuse)
    with pytest.raises(Undecided, match="proxy does not answer: Connection refused"):
        send("", URL("http://proxy:8000"), Ask("/"), {})


@pytest.mark.parametrize(
    "wanted",
    [
        Ask("/a\r\nX: y"),
        Ask("/\n"),
        Ask("/", "GE T"),
        Ask("/", headers=(("a b", "c"),)),
        Ask("/", headers=(("a", "c\r\nd: e"),)),
    ],
)
def test_two_requests_in_one_are_refused(wanted: Ask) -> None:
    with pytest.raises(UsageError):
        wanted.check()


def test_redirects_are_resolved_as_browsers_do() -> None:
    url = "http://proxy:8000/user/alice/x"
    assert destination(url, "../y?a=1#b") == (URL("http://proxy:8000"), "/user/y?a=1")
    assert destination(url, "//other.lab") == (URL("http://other.lab"), "/")
    with pytest.raises(Undecided):
        destination(url, "https://elsewhere/")


def test_an_address_is_written_as_it_was_asked() -> None:
    assert written(URL("http://proxy:8000"), "/a//x") == "http://proxy:8000/a//x"
    assert written(URL("http://proxy:8000"), "hub") == "hub"


def test_secrets_are_hidden_and_names_stay() -> None:
    hide = Redactor({"secret-token", "ab"})
    assert hide.header("Set-Cookie", "id=v4lue; Path=/") == f"id={REDACTED}; Path=/"
    assert hide.header("location", "/x?code=1&state=2&a=3") == (
        f"/x?code={REDACTED}&state={REDACTED}&a=3"
    )
    assert hide.text("/login?next=%2Fauthorize%3Fclient%3Da%26state%3Dx1%253D%26b%3D2&c=3") == (
        f"/login?next=%2Fauthorize%3Fclient%3Da%26state%3D{REDACTED}%26b%3D2&c=3"
    )
    assert hide.text("?next=%252Fx%253Fcode%253Dx1") == f"?next=%252Fx%253Fcode%253D{REDACTED}"
    assert hide.text('{"token": "x1"} secret-token abc') == (
        f'{{"token": "{REDACTED}"}} {REDACTED} abc'
    )
    for text in (
        "JUPYTERHUB_API_TOKEN=c4nary",
        "Authorization: token c4nary",
        '"Authorization": "Bearer c4nary"',
        "Bearer c4n.ary.c4nary",
        "Set-Cookie: jupyterhub-session-id=c4nary; Path=/",
        "token=c4nary",
        "{'token': 'c4nary', 'a': 1}",
        '{"api_token": "a\\"c4nary"}',
        "#access_token=c4nary",
        "http://me:c4nary@host/",
        "client_secret=c4nary&x=1",
        base64.b64encode(b"alice:secret-token").decode(),
        "secret%2Dtoken and secret-token",
    ):
        shown = hide.text(text)
        assert REDACTED in shown
        assert "c4nary" not in shown
        assert "secret-token" not in shown
    harmless = "a token is a row; Cookie: none; password is asked for; Path=/"
    assert hide.text(harmless) == harmless
    assert hide.text("Setting new xsrf cookie for b'None:x1=' {'path': '/'}") == (
        f"Setting new xsrf cookie for b'{REDACTED}' {{'path': '/'}}"
    )


def test_options_that_do_not_go_together() -> None:
    check_request_options("alice", True, None)
    for who in ((None, True, None), (None, False, ""), ("alice", True, "")):
        with pytest.raises(UsageError):
            check_request_options(*who)
    with pytest.raises(UsageError, match="is not a header"):
        header_pairs(["no colon"], None)
    assert header_pairs(["A: b:c"], "http://x") == (("A", "b:c"), ("Origin", "http://x"))


def test_the_body_says_what_it_is(tmp_path: object) -> None:
    assert with_type((), b'{"a": 1}') == (("Content-Type", "application/json"),)
    assert with_type((), b"a=1") == (("Content-Type", "application/x-www-form-urlencoded"),)
    assert with_type((("content-type", "x/y"),), b"a") == (("content-type", "x/y"),)
    with pytest.raises(UsageError, match="cannot read nowhere"):
        read_body("@nowhere")
