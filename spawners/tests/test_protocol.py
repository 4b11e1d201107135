"""What comes back from a node is hostile until it is checked (issue 4, row 10)."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_sshspawner.errors import BadReply, Misconfigured
from jupyterhub_sshspawner.exchange.protocol import (
    MAX_LINE,
    MAX_NOISE,
    ReplyReader,
    command_line,
    launcher_line,
    parse_reply,
    request_bytes,
    told,
)

GOOD = {
    "event": "reply", "state": "running", "listening": True,
    "pid": 100, "ticks": 5, "leader": 99, "leader_ticks": 4, "port": 8888,
}  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def line(nonce: str, body: Any) -> bytes:
    return f"@@{nonce} {json.dumps(body)}\n".encode()


@pytest.mark.report("NERSC/sshspawner#1")
def test_command_line_is_constant_and_plain() -> None:
    """sshspawner#1, PR #4: csh, fish and sh must read the same words."""
    words = shlex.split(command_line("python3"))
    assert words == ["exec", "python3", "-IS", "-c", "import sys; exec(sys.stdin.readline())"]
    assert not set(command_line("python3")) & set("$`!\\\n*?[]{}<>|&~")


@pytest.mark.parametrize("python", ["py; true", "-c", "", "a b", "$HOME", "p\n", "'x'"])
def test_python_must_be_a_plain_path(python: str) -> None:
    with pytest.raises(Misconfigured):
        command_line(python)


def test_what_is_sent_is_two_lines_of_ascii() -> None:
    """The node's locale cannot spoil it, and the request cannot be taken for source."""
    data = request_bytes("start", "n", {"env": {"A": "line\nöß\udcff\u2028"}})
    assert data.count(b"\n") == 2
    assert data.endswith(b"\n")
    data.decode("ascii")
    compile(launcher_line(), "launcher", "exec")
    assert json.loads(data.split(b"\n")[1])["env"]["A"] == "line\nöß\udcff\u2028"


@settings(max_examples=300)
@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(1, 50))
@pytest.mark.report("KrisDavie/SSHSpawner@5988095")
def test_noise_around_a_reply_does_not_matter(before: bytes, after: bytes, size: int) -> None:
    """sshspawner PR #41/5988095: a message of the day, a chatty start file."""
    reader = ReplyReader("nonce")
    data = before + b"\n" + line("nonce", GOOD) + after
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
    assert reader.reply is not None
    assert reader.reply.process is not None
    assert reader.reply.process.port == 8888


@settings(max_examples=500)
@given(st.binary(max_size=2000))
@pytest.mark.report("NERSC/sshspawner, get_port")
def test_garbage_is_never_a_reply(data: bytes) -> None:
    """sshspawner, "stdout != b''": garbage ended in a ValueError."""
    reader = ReplyReader("0123456789abcdef")
    assert reader.feed(data) == []
    assert reader.reply is None


@settings(max_examples=500)
@given(st.binary(max_size=200))
@pytest.mark.report("NERSC/sshspawner, get_port")
def test_tagged_garbage_is_refused(data: bytes) -> None:
    reader = ReplyReader("n")
    try:
        reader.feed(b"@@n " + data.replace(b"\n", b"") + b"\n")
    except BadReply:
        return
    assert reader.reply is None or reader.reply.state in ("starting", "absent", "exited")


@settings(max_examples=500)
@given(st.dictionaries(st.sampled_from([*GOOD, "returncode", "signals", "kind"]), json_values))
def test_absurd_fields_are_refused(changes: dict[str, Any]) -> None:
    """Whatever passes is within range: a pid is never 0 or 1, a port is a port."""
    try:
        reply = parse_reply({**GOOD, **changes})
    except BadReply:
        return
    if reply.process:
        assert 1 < reply.process.pid <= 2**22
        assert 1 < reply.process.leader <= 2**22
        assert 0 < reply.process.port < 65536
    assert 0 <= reply.returncode <= 255


@pytest.mark.parametrize("pid", [0, 1, -1, True, "100", 1.5, None, 2**40])
def test_a_pid_that_must_not_be_signalled_is_refused(pid: Any) -> None:
    with pytest.raises(BadReply):
        parse_reply({**GOOD, "pid": pid})


@pytest.mark.parametrize("text", ["\x1b[2J", "\r[I hub]", "\ud800", "\x9b", "\x00", "\u2028"])
def test_what_a_node_says_is_plain_text(text: str) -> None:
    """It goes into the hub's log and pages: no terminal's sequences, no lines that are not seen."""
    reply = parse_reply({"state": "failed", "kind": "exit", "detail": text, "tail": f"a\n\t{text}"})
    assert text not in reply.detail + reply.tail
    assert reply.tail.startswith("a\n\t")
    (reply.detail + reply.tail).encode()


@pytest.mark.parametrize("version", ["3, 6, 8", "3, 7, 16"])
def test_an_old_python_is_named(version: str) -> None:
    """Some distributions' python3 is 3.6."""
    data = request_bytes("start", "n", {"run_dir": "/nonexistent"})
    code = f"import sys; sys.version_info = ({version}); exec(sys.stdin.readline())"
    done = subprocess.run([sys.executable, "-ISc", code], input=data, stdout=subprocess.PIPE)
    reader = ReplyReader("n")
    reader.feed(done.stdout)
    assert reader.reply
    assert reader.reply.kind == "python"
    assert f"this is {version[0]}.{version[3]}" in reader.reply.detail


def test_another_tag_is_noise() -> None:
    reader = ReplyReader("right")
    reader.feed(line("wrong", GOOD))
    assert reader.reply is None


@pytest.mark.parametrize("chunk", [b"x" * 4096, b"y\n" * 2048])
def test_megabytes_end(chunk: bytes) -> None:
    reader = ReplyReader("n")
    for _ in range(MAX_NOISE // len(chunk)):
        reader.feed(chunk)
    with pytest.raises(BadReply, match="more than"):
        reader.feed(chunk)


def test_a_reply_has_an_end() -> None:
    reader = ReplyReader("n")
    with pytest.raises(BadReply, match="too long"):
        reader.feed(b"@@n " + b"x" * (MAX_LINE + 10))


def test_json_that_python_gives_up_on_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(line: bytes) -> None:
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr(json, "loads", give_up)
    reader = ReplyReader("n")
    with pytest.raises(BadReply, match="not JSON"):
        reader.feed(b"@@n {}\n")


def test_what_a_node_tells_stays_on_its_line() -> None:
    """A line of the hub's log, or of the administrator's command, is not the account's to write."""
    assert told({"user": "bob\nknown: root\t1"}, "user") == "bob known: root 1"
    reply = parse_reply({"state": "failed", "kind": "exit", "detail": "a\nb", "hint": "c\nd"})
    assert (reply.detail, reply.hint) == ("a b", "c d")
