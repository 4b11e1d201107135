"""Commands in containers by shells that stay open: what a command gets, and when a shell is new."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from one_container import running

from hublab.engine import Engine
from hublab.engine.commands import run_in
from hublab.engine.files import LARGEST
from hublab.engine.records import File
from hublab.errors import EngineError

SECRET = "canary 'in\n$quotes'"


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine.connect()
    yield engine
    engine.close()


@pytest.fixture
def container(engine: Engine) -> Iterator[str]:
    """A container of the tools' image with nothing in it but `sleep`."""
    with running(engine, "sleep", "infinity") as made:
        yield made


def shells(engine: Engine, container: str) -> int:
    return list(engine.commands(container).values()).count("sh")


def test_a_command_gets_what_the_engine_would_give_it(engine: Engine, container: str) -> None:
    """The same answers as by the engine's own way, for what both can say."""
    environment = {"GIVEN": SECRET}
    for argv in (
        ["sh", "-c", "echo out; echo err >&2; exit 7"],
        ["sh", "-c", "printf 'no end of line'"],
        ["python3", "-c", "import os, sys; print(sorted(os.environ.items()), sys.stdin.read())"],
        ["sh", "-c", 'printf "%s|" "$@"', "-", "", "two words", "it's", SECRET],
        ["sh", "-c", "kill -TERM $$"],
        ["head", "-c", "3000000", "/dev/zero"],
    ):
        ours = engine.exec(container, argv, environment=environment)
        theirs = run_in(engine.client.api, container, argv, environment=environment)
        assert ours == theirs, argv
    missing = engine.exec(container, ["no-such-program"])
    assert missing.exit_code == 127
    assert "no-such-program" in missing.stderr


def test_one_shell_for_one_command_after_another(engine: Engine, container: str) -> None:
    """Nothing of one command is left to the next one; commands at once have shells of their own."""
    for command in ("cd /tmp; export LEFT=1; umask 0", "echo ${LEFT-nothing} $(pwd) $(umask)"):
        seen = engine.exec(container, ["sh", "-c", command])
    assert seen.stdout == "nothing / 0022\n"
    assert shells(engine, container) == 1
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: engine.exec(container, ["sleep", "0.3"]), range(3)))
    assert shells(engine, container) == 3
    engine.close()
    deadline = time.monotonic() + 10
    after = Engine.connect()
    while shells(after, container):
        assert time.monotonic() < deadline, "a shell outlives the connection"
        time.sleep(0.05)
    after.close()


def test_no_argument_shows_what_a_command_is_given(engine: Engine, container: str) -> None:
    """Environment and files are in the arguments of no process, seen while the command runs."""
    script = "touch /tmp/runs; while [ ! -e /tmp/seen ]; do sleep 0.05; done"
    running = threading.Thread(
        target=engine.exec, args=(container, ["sh", "-c", script]),
        kwargs={"environment": {"TOKEN": SECRET}},
    )  # fmt: skip
    running.start()
    try:
        engine.exec(container, ["sh", "-c", "until [ -e /tmp/runs ]; do sleep 0.05; done"])
        engine.put_files(container, "/tmp", [File("file", SECRET.encode(), 0o600)])
        lines = engine.commands(container).values()
        assert any(script in line for line in lines)
        assert not [line for line in lines if "canary" in line]
    finally:
        engine.exec(container, ["touch", "/tmp/seen"])
        running.join()


def test_a_shell_that_ended_is_replaced(engine: Engine, container: str) -> None:
    """By somebody's signal, or with its container; one that ends during a command is an error."""
    engine.exec(container, ["true"])
    kill = "for dir in /proc/[0-9]*; do [ $(cat $dir/comm) = sh ] && echo ${dir#/proc/}; done"
    api = engine.client.api
    pids = run_in(api, container, ["sh", "-c", f"{kill} | grep -vx $$"]).stdout.split()
    run_in(api, container, ["kill", "-KILL", *pids])
    assert engine.exec(container, ["echo", "again"]).stdout == "again\n"
    api.restart(container, timeout=0)
    assert engine.exec(container, ["echo", "restarted"]).stdout == "restarted\n"
    others = kill.replace("echo ${", "[ ${dir#/proc/} != $$ ] && kill -KILL ${")
    with pytest.raises(EngineError, match="the shell or its container ended"):
        engine.exec(container, ["sh", "-c", f"echo canary; {others}; sleep 60"])
    assert engine.exec(container, ["echo", "again"]).stdout == "again\n"


def test_a_command_leaves_nothing_to_the_next_one(engine: Engine, container: str) -> None:
    """A child that writes later belongs to its own command; so do flags of pipes, and a group."""
    later = "(sleep 0.3; echo later; echo odd >&2) & echo first"
    done = engine.exec(container, ["sh", "-c", later])
    assert (done.stdout, done.stderr) == ("first\nlater\n", "odd\n")
    flags = "import fcntl, os; [fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK) for fd in (1, 2)]"
    engine.exec(container, ["python3", "-c", flags])
    assert len(engine.exec(container, ["head", "-c", "3000000", "/dev/zero"]).stdout) == 3_000_000
    assert engine.exec(container, ["sh", "-c", "kill -TERM 0; sleep 60"]).exit_code == 143
    assert engine.exec(container, ["echo", "again"]).stdout == "again\n"
    odd = {"A.B": "1", "OPTIND": "abc", "PATH": "/bin:/usr/bin"}
    seen = engine.exec(container, ["python3", "-c", NAMES], environment=odd).stdout
    assert seen == "{'A.B': '1', 'OPTIND': 'abc', 'PATH': '/bin:/usr/bin'}\n"
    assert shells(engine, container) == 1
    assert engine.processes(container) == 2  # init and sleep


NAMES = "import os; print({name: os.environ.get(name) for name in ('A.B', 'OPTIND', 'PATH')})"


def test_a_container_in_which_nothing_can_run(engine: Engine, container: str) -> None:
    """It is told at once, as the engine tells it, and the command is not left for later."""
    engine.exec(container, ["true"])
    engine.pause(container)
    with pytest.raises(EngineError, match="paused"):
        engine.exec(container, ["touch", "/tmp/later"])
    engine.unpause(container)
    assert engine.read_file(container, "/tmp/later") is None
    engine.put_files(container, "/tmp", [File("kept", b"\x00\xff")])
    engine.client.api.kill(container)
    engine.client.api.wait(container)
    with pytest.raises(EngineError, match="not running"):
        engine.exec(container, ["true"])
    assert engine.read_file(container, "/tmp/kept") == b"\x00\xff"


@pytest.mark.parametrize("size", [0, 5, LARGEST + 1])
def test_files(engine: Engine, container: str, size: int) -> None:
    """Content, mode and owner, by a shell or an archive; a link is replaced, and not followed."""
    content = bytes(n % 256 for n in range(size))
    engine.exec(container, ["sh", "-c", "echo kept >/tmp/target; ln -s target '/tmp/it is'"])
    engine.put_files(container, "/tmp", [File("it is", content, 0o640, 7), File("other", b"x")])
    assert engine.read_file(container, "/tmp/it is") == content
    assert engine.read_file(container, "/tmp/none") is None
    assert engine.read_file(container, "/tmp") is None
    stat = engine.exec(container, ["stat", "-c", "%a %u %g %F", "/tmp/it is", "/tmp/other"])
    kind = "regular file" if size else "regular empty file"
    assert stat.stdout == f"640 7 7 {kind}\n644 0 0 regular file\n"
    assert engine.read_file(container, "/tmp/target") == b"kept\n"
    engine.put_files(container, "/tmp", [File("-x", b"dash")])
    assert engine.read_file(container, "/tmp/-x") == b"dash"
    with pytest.raises(EngineError, match="busy"):  # it is mounted
        engine.put_files(container, "/etc", [File("hosts", b"secret")])
    listed = engine.exec(container, ["ls", "-a", "/tmp", "/etc"]).stdout.split("\n")
    assert not [name for name in listed if name.startswith(".hublab")]


ANSWERING = (
    *("sh", "-c"),
    'tell() { [ "$1" != end ] || { echo "no more" >&2; exit 3; }; echo "$$ $1"; }; '
    '[ -z "$1" ] || { tell "$1"; exit; }; while read -r line; do tell "$line"; done',
    "answering",
)
"""Answers its argument, or each line of its input, with its pid and the line."""


def pid_and_words(answer: str) -> tuple[str, str]:
    pid, _, words = answer.partition(" ")
    return pid, words


def test_a_program_that_stays_open_answers_line_after_line(engine: Engine, container: str) -> None:
    first, words = pid_and_words(engine.ask(container, ANSWERING, "one it's"))
    assert words == "one it's"
    assert pid_and_words(engine.ask(container, ANSWERING, "two")) == (first, "two")
    with pytest.raises(EngineError, match="no more"):
        engine.ask(container, ANSWERING, "end")
    again, words = pid_and_words(engine.ask(container, ANSWERING, "three"))
    assert (again != first, words) == (True, "three")
    engine.client.api.restart(container, timeout=0)
    assert pid_and_words(engine.ask(container, ANSWERING, "four"))[1] == "four"


def test_where_no_program_can_stay_open_each_question_has_its_own(
    engine: Engine, container: str
) -> None:
    """As with an engine that is reached by TLS."""
    remote = Engine(engine.client, "tcp://127.0.0.1:2376")
    pids = {pid_and_words(remote.ask(container, ANSWERING, word)) for word in ("one", "two")}
    assert {words for _, words in pids} == {"one", "two"}
    assert len({pid for pid, _ in pids}) == 2
    with pytest.raises(EngineError, match="no more"):
        remote.ask(container, ANSWERING, "end")
