"""The lease, with real processes: what dies is undone, what is released is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hublab.errors import InternalError
from hublab.guard import process as guard_process
from hublab.guard.folder import temporary_folder
from hublab.guard.lease import Guard

HEAD = """\
import os, signal, subprocess, sys, time
from pathlib import Path
from hublab.guard.lease import Guard
place = Path(sys.argv[1])
def touch(name): return ["/bin/sh", "-c", f"echo {name} >> {place}/undone"]
def ready(*words):
    (place / "new").write_text(" ".join(map(str, words)))
    (place / "new").rename(place / "ready")
def read(name): return (place / name).read_text() if (place / name).exists() else ""
def sleeper(**how): return subprocess.Popen(["sleep", "1000"], **how)
"""


class Stage:
    """A directory, and an owner process that holds a guard in it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.log = place / "log"
        self.owner: subprocess.Popen[bytes] | None = None
        self.pids: list[int] = []

    def begin(self, program: str) -> list[int]:
        """Start the owner and return the numbers that it says are ready."""
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.owner = subprocess.Popen(
            [sys.executable, "-c", HEAD + program, str(self.place)], env=env, start_new_session=True
        )
        eventually((self.place / "ready").exists, "the owner is ready")
        self.pids = [int(word) for word in (self.place / "ready").read_text().split()]
        return self.pids

    def kill_owner(self) -> None:
        assert self.owner is not None
        self.owner.kill()
        self.owner.wait()

    def undone(self) -> list[str]:
        with suppress(FileNotFoundError):
            return (self.place / "undone").read_text().split()
        return []

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def await_done(self) -> None:
        eventually(lambda: self.said().endswith("done\n"), "the guard has done its work")


def eventually(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    return guard_process.identify(pid) is not None


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    if made.owner is not None:
        made.owner.kill()
        made.owner.wait()
    for pid in made.pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def touch(place: Path, name: str) -> list[str]:
    return ["/bin/sh", "-c", f"echo {name} >> {place}/undone"]


def test_a_killed_owner_is_undone_the_newest_first(stage: Stage) -> None:
    stage.begin(
        "g = Guard.start([touch('one'), touch('two')], log=place / 'log')\n"
        "g.add('a', touch('a')); g.add('b', touch('b')); g.add('c', touch('c'))\n"
        "g.drop('b'); g.drop('none'); g.add('a', touch('newer-a'))\n"
        "ready()\n"
        "time.sleep(1000)\n"
    )
    assert stage.undone() == []
    stage.kill_owner()
    stage.await_done()
    assert stage.undone() == ["newer-a", "c", "two", "one"]


@pytest.mark.parametrize("end", ["sys.exit(3)", "raise ValueError", "os._exit(0)"])
def test_every_other_way_to_end_is_undone_too(stage: Stage, end: str) -> None:
    stage.begin(
        f"g = Guard.start([touch('x')], log=place / 'log'); ready(); sys.stderr.close(); {end}\n"
    )
    stage.await_done()
    assert stage.undone() == ["x"]


def test_a_temporary_folder_goes_with_its_owner(stage: Stage) -> None:
    """Also one with contents, and by SIGKILL, which runs no `finally`."""
    program = """
from hublab.guard.folder import temporary_folder
with temporary_folder("test") as folder:
    (folder / "inner").mkdir()
    (folder / "inner" / "file").write_text("x")
    (place / "folder").write_text(str(folder))
    ready(os.getpid())
    time.sleep(60)
"""
    stage.begin(program)
    folder = Path((stage.place / "folder").read_text())
    assert folder.name.startswith("hublab-test-")
    assert folder.stat().st_mode & 0o777 == 0o700
    stage.kill_owner()
    eventually(lambda: not folder.exists(), "the folder is gone")
    with temporary_folder("test") as folder:
        (folder / "file").touch()
    assert not folder.exists()


def test_released_is_not_undone(stage: Stage) -> None:
    (guard,) = stage.begin(
        "g = Guard.start([touch('x')], log=place / 'log')\n"
        "pid = g.pid\n"
        "g.release(); g.release(); g.undo(); g.add('late', touch('late'))\n"
        "ready(pid)\n"
        "time.sleep(1000)\n"
    )
    stage.kill_owner()
    assert not alive(guard)
    assert stage.undone() == []
    assert not stage.log.exists()


def test_leaving_the_block_undoes(tmp_path: Path) -> None:
    with Guard.start([touch(tmp_path, "x")]):
        assert not (tmp_path / "undone").exists()
    assert (tmp_path / "undone").read_text() == "x\n"


def test_leaving_the_block_by_an_error_keeps_the_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError) as caught, Guard.start([["/bin/false"]]):
        raise KeyError("first")
    assert "not everything was undone" in caught.value.__notes__[0]


def test_a_forked_child_does_not_keep_the_lease(stage: Stage) -> None:
    (child,) = stage.begin(
        "g = Guard.start([touch('x')], log=place / 'log')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    g.undo(); g.release(); time.sleep(1000)\n"
        "ready(child)\n"
        "time.sleep(1000)\n"
    )
    assert stage.undone() == []
    stage.kill_owner()
    stage.await_done()
    assert stage.undone() == ["x"]
    assert alive(child)


def test_a_started_program_does_not_keep_the_lease(stage: Stage) -> None:
    (child,) = stage.begin(
        "g = Guard.start([touch('x')], log=place / 'log')\n"
        "ready(sleeper(close_fds=False).pid)\n"
        "time.sleep(1000)\n"
    )
    stage.kill_owner()
    stage.await_done()
    assert alive(child)


def test_watched_groups_die_first_and_strangers_live(stage: Stage) -> None:
    leader, member, alone, sibling = stage.begin(
        "g = Guard.start(log=place / 'log')\n"
        "script = f'sleep 1000 & echo $! > {place}/member; wait'\n"
        "leader = subprocess.Popen(['/bin/sh', '-c', script], start_new_session=True)\n"
        "while not (member := read('member')): time.sleep(0.01)\n"
        "alone, sibling = sleeper(), sleeper()\n"
        "g.watch_child(leader.pid); g.watch_child(alone.pid); g.watch_child(2**22)\n"
        "status = f'/proc/{int(member)}/status'\n"
        "gone = f\"grep -q '^State:.[^ZX]' {status} || echo gone >> {place}/undone\"\n"
        "g.add('x', ['/bin/sh', '-c', gone])\n"
        "ready(leader.pid, member, alone.pid, sibling.pid)\n"
        "time.sleep(1000)\n"
    )
    stage.kill_owner()
    stage.await_done()
    assert stage.undone() == ["gone"]
    assert [alive(pid) for pid in (leader, member, alone, sibling)] == [False, False, False, True]


def test_the_group_of_a_dead_leader_dies(stage: Stage) -> None:
    (member,) = stage.begin(
        "g = Guard.start(log=place / 'log')\n"
        "script = f'sleep 1000 & echo $! > {place}/member; read x'\n"
        "leader = subprocess.Popen(['/bin/sh', '-c', script], stdin=-1, process_group=0)\n"
        "g.watch_child(leader.pid)\n"
        "leader.communicate(b'go')\n"
        "ready(read('member'))\n"
        "time.sleep(1000)\n"
    )
    assert alive(member)
    stage.kill_owner()
    stage.await_done()
    assert not alive(member)


def test_a_pid_that_another_process_has_now_is_left_alone() -> None:
    me = guard_process.identify(os.getpid())
    assert me is not None
    living = guard_process.living_processes()
    earlier: guard_process.Child = {**me, "start": me["start"] - 1, "group": me["pid"]}
    assert list(guard_process.targets(earlier, living)) == []
    alone: guard_process.Child = {**me, "group": 1}
    assert list(guard_process.targets(alone, living)) == [me["pid"]]


def test_signals_of_the_terminal_do_not_end_the_guard(stage: Stage) -> None:
    (guard,) = stage.begin(
        "g = Guard.start([['/bin/sh', '-c', f'kill -TERM $$; echo ignored >> {place}/undone']],"
        " log=place / 'log')\n"
        "ready(g.pid)\n"
        "time.sleep(1000)\n"
    )
    assert os.getsid(guard) == guard
    # It is ready for signals once it has handlers: bits of SigCgt in proc(5).
    eventually(lambda: catches(guard, signal.SIGTERM), "the guard has its handlers")
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        os.kill(guard, number)
    stage.kill_owner()
    stage.await_done()
    assert stage.undone() == []  # the command died of its own SIGTERM: nothing is inherited
    assert "exit code -15" in stage.said()


def catches(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) & 1 << (number - 1))


def test_a_command_that_hangs_or_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    hanging = ["/bin/sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 1000"]
    log = tmp_path / "log"
    commands = [touch(tmp_path, "last"), ["/no/such/program"], ["/bin/false"], hanging]
    guard = Guard.start(commands, log=log, timeout=0.3)
    with pytest.raises(InternalError, match=r"not everything was undone(.|\n)*where: .*log"):
        guard.undo()
    assert (tmp_path / "undone").read_text() == "last\n"
    assert not alive(int((tmp_path / "pid").read_text()))
    for words in ("killed after 0.3 s", "exit code 1", "cannot run it", "exit code 0"):
        assert words in log.read_text()


def test_a_log_that_cannot_be_written_is_no_reason_not_to_undo(tmp_path: Path) -> None:
    Guard.start([touch(tmp_path, "x")], log=tmp_path / "no" / "log").undo()
    assert (tmp_path / "undone").read_text() == "x\n"


def test_a_killed_guard_is_noticed(tmp_path: Path) -> None:
    guard = Guard.start([touch(tmp_path, "x")])
    os.kill(guard.pid, signal.SIGKILL)
    eventually(lambda: not alive(guard.pid), "the guard is dead")
    with pytest.raises(InternalError, match="gone: was it killed"):
        guard.add("y", ["/bin/true"])
    with pytest.raises(InternalError, match="killed by signal 9"):
        guard.undo()
    other = Guard.start()
    os.kill(other.pid, signal.SIGKILL)
    other.release()


def test_a_message_cut_short_is_left_out(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    pipe.write_bytes(
        b'{"action": "add", "key": "a", "argv": ["x"]}\n{"action": "add", "key": "b", "ar'
    )
    ledger = guard_process.Ledger()
    with pipe.open("rb") as file:
        ledger.read(file)
    assert ledger.undo == {"a": ["x"]}


def test_nothing_is_imported_but_the_standard_library() -> None:
    source = Path(guard_process.__file__).read_text()
    imported = {
        line.split()[1] for line in source.splitlines() if line.startswith(("import", "from"))
    }
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
