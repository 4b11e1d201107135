"""The launcher by itself, through a shell instead of SSH: each request may be repeated, in any
order, with any Python that a node may have. Needs neither root nor sshd."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from asking import SERVER, Ask, pythons
from locks import python_without_locks
from machinery import processes_of, wait_until

from jupyterhub_sshspawner import launcher
from jupyterhub_sshspawner.exchange.protocol import ReplyReader, command_line, request_bytes
from jupyterhub_sshspawner.launcher import ORDER, PROGRAMS
from jupyterhub_sshspawner.launcher.instance import KEEP_ENDED, Instance


@pytest.mark.parametrize("python", pythons())
@pytest.mark.report("LLNL/SSHSpawner, pipes")
def test_a_life_on_each_python(ask: Ask, python: str) -> None:
    """Row 13: the launcher runs on a node's python3 from 3.8."""
    reply = ask("start", use=python)
    assert reply.state == "running", reply
    assert reply.listening
    assert ask("status").process == reply.process
    assert ask("log").state == "log"
    assert ask("stop").state == "exited"
    assert ask("log").state == "absent"
    assert ask("status").state == "exited"


@pytest.mark.parametrize("module", ["__init__", "quick", *ORDER, *PROGRAMS])
@pytest.mark.report("LLNL/SSHSpawner, pipes")
def test_every_module_is_python_3_8(module: str) -> None:
    """By grammar, where no such Python is at hand to run it."""
    source = resources.files(launcher).joinpath(f"{module}.py").read_text("utf-8")
    ast.parse(source, feature_version=(3, 8))


@pytest.mark.report("ronf/asyncssh#585")
def test_nothing_of_the_session_stays_open(ask: Ask, tmp_path: Path) -> None:
    """A child that keeps the session's stdio open keeps the session from ending."""
    process = ask("start").process
    log = str(tmp_path / "run/abc123/server.log")
    for pid in (process.leader, process.pid):
        files = [os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)]
        assert files == ["/dev/null", log, log]


def test_asked_twice_it_starts_once(ask: Ask) -> None:
    """A lost reply is asked again, never started twice."""
    first = ask("start")
    assert ask("start").process == first.process


def test_two_at_once_start_once(ask: Ask) -> None:
    other = ask("start", wait=False)
    mine = ask("start")
    reader = ReplyReader("nonce")
    reader.feed(other.stdout.read())
    assert reader.reply
    assert reader.reply.process == mine.process


def test_a_lost_launcher_does_not_lose_the_server(ask: Ask) -> None:
    """The SSH connection breaks after the fork: asked again, the same server is reported."""
    slow = "import time; time.sleep(2)\n" + SERVER
    lost = ask("start", wait=False, argv=[sys.executable, "-c", slow])
    wait_until(lambda: b"started" in lost.stdout.readline())
    lost.kill()
    reply = ask("status")
    assert (reply.state, reply.listening) == ("running", False)
    again = ask("start")
    assert again.listening
    assert again.process == reply.process


def test_what_was_absent_can_not_start_later(ask: Ask) -> None:
    """A hub that was told "absent" forgets the server: a start that comes late must not run."""
    assert ask("status").state == "absent"
    reply = ask("start")
    assert (reply.state, reply.kind) == ("failed", "stopped")


def test_stop_before_start(ask: Ask) -> None:
    assert ask("stop").state == "exited"
    assert ask("start").kind == "stopped"


def test_stop_during_start(ask: Ask) -> None:
    """A cancelled start: the stop waits for the launcher, which gives up."""
    starting = ask("start", wait=False, argv=["sleep", "7010"])
    wait_until(lambda: b"started" in starting.stdout.readline())
    reply = ask("stop", phases=[["KILL", 5]])
    assert (reply.state, reply.left) == ("exited", 0)
    assert not [line for line in processes_of(os.getuid()).values() if "sleep 7010" in line]


def test_half_a_request_does_nothing(tmp_path: Path) -> None:
    """The hub was killed in mid-sentence."""
    data = request_bytes("start", "n", {"instance": "x", "run_dir": str(tmp_path / "run")})
    out = subprocess.run(
        ["sh", "-c", command_line(sys.executable)], input=data[:-5], stdout=subprocess.PIPE
    )
    assert out.stdout == b""
    assert not (tmp_path / "run").exists()


def test_files_are_private_and_gone_afterwards(ask: Ask, tmp_path: Path) -> None:
    ask("start", files=[{"name": "ssl.keyfile", "env": "KEY", "content": "secret"}])
    path = tmp_path / "run/abc123/secrets/ssl.keyfile"
    assert path.stat().st_mode & 0o777 == 0o600
    ask("stop")
    assert not path.parent.exists()


def test_files_that_the_supervisor_removes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ended before it listened: its last words were lost to a FileNotFoundError."""
    instance = Instance([str(tmp_path)], "0" * 32)
    instance.create()
    instance.write_secrets([{"name": "ssl.keyfile", "content": "secret"}])
    before = os.listdir

    def gone_after(path: str) -> list[str]:
        names = before(path)
        shutil.rmtree(path)
        return names

    monkeypatch.setattr(os, "listdir", gone_after)
    instance.forget_secrets()
    instance.forget_secrets()
    assert not os.path.exists(instance.secrets)


def test_a_killed_supervisor_does_not_hide_the_server(ask: Ask) -> None:
    reply = ask("start")
    assert reply.process
    os.kill(reply.process.leader, signal.SIGKILL)
    assert ask("status").state == "running"
    assert ask("stop").left == 0
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{reply.process.pid}/stat").read_text()
        assert stat.rpartition(")")[2].split()[0] in "ZX"


def test_a_pid_without_the_marker_is_not_ours(ask: Ask, tmp_path: Path) -> None:
    """Row 9, without the hub: right pid, right start time, wrong process."""
    stranger = subprocess.Popen(["sleep", "7011"])
    ticks = int(Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19])
    known = {"pid": stranger.pid, "ticks": ticks, "leader": stranger.pid,
             "leader_ticks": ticks, "port": 1, "device": 0, "inode": 0}  # fmt: skip
    assert ask("status", known=known).state == "exited"
    ask("stop", known=known)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


FULL = "ulimit -f 0; "  # files can be made, and nothing can be written into them


def full_for(pid: int) -> None:
    """The same for a process that runs."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0))


def test_a_full_disk_is_named_at_start(ask: Ask) -> None:
    reply = ask("start", sh=FULL)
    assert (reply.state, reply.kind) == ("failed", "run-dir")


def test_a_full_disk_has_a_fall_back(ask: Ask, tmp_path: Path) -> None:
    """``/proc/self`` stands for a home that cannot be written to. Found again there, by whatever
    is asked next; a second start does not start a second one."""
    there: Any = {"run_dir": "/proc/self/home", "fallback": str(tmp_path / "other")}
    reply = ask("start", **there)
    assert reply.state == "running"
    assert (tmp_path / "other/abc123/record.json").exists()
    assert ask("start", **there).process == reply.process
    assert ask("status", **there).process == reply.process
    assert ask("stop", **there).state == "exited"
    assert ask("status", **there).state == "exited"


def test_what_was_called_off_does_not_start_in_the_fall_back(ask: Ask, tmp_path: Path) -> None:
    there: Any = {"run_dir": "/proc/self/home", "fallback": str(tmp_path / "other")}
    assert ask("status", **there).state == "absent"
    assert ask("start", **there).kind == "stopped"


def test_no_fall_back_that_somebody_else_made(ask: Ask, tmp_path: Path) -> None:
    """``/proc/self`` is a link of root's, as one in /var/tmp could be of anybody's."""
    if os.getuid() == 0:
        (tmp_path / "other").mkdir()
        os.chown(tmp_path / "other", 12345, -1)
        reply = ask("start", run_dir="/proc/self/home", fallback=str(tmp_path / "other"))
    else:
        reply = ask("start", run_dir="/proc/self/home", fallback="/var/tmp")
    assert (reply.state, reply.kind) == ("failed", "run-dir")
    assert "belongs to somebody else" in reply.detail


def test_a_home_without_locks_is_named(ask: Ask, tmp_path: Path) -> None:
    """flock(2): ENOSYS of Lustre mounted without it, ENOLCK of NFS without its lock daemon."""
    python = python_without_locks(tmp_path)
    reply = ask("start", use=python)
    assert (reply.state, reply.kind) == ("failed", "run-dir")
    assert f"cannot lock files in {tmp_path}/run: Function not implemented" in reply.detail
    assert "SSHSpawner.run_dir" in reply.detail
    assert not (tmp_path / "run/abc123").exists()
    assert ask("stop").state == "exited"
    assert ask("status").state == "absent"


def test_locks_that_go_do_not_hide_the_server(ask: Ask, tmp_path: Path) -> None:
    process = ask("start").process
    python = python_without_locks(tmp_path)
    assert ask("status", use=python).process == process
    assert ask("stop", use=python).state == "exited"
    assert ask("status", use=python).state == "exited"


def test_a_marker_that_nfs_renamed_does_not_hide_the_server(ask: Ask, tmp_path: Path) -> None:
    """The state that an NFS client leaves of an open file that was deleted."""
    process = ask("start").process
    known = {name: getattr(process, name) for name in
             ("pid", "ticks", "leader", "leader_ticks", "port", "device", "inode")}  # fmt: skip
    home = tmp_path / "run/abc123"
    (home / "marker").rename(home / ".nfs000000000000000100000001")
    for name in ("record.json", "reply.json", "launch.lock"):
        (home / name).unlink()
    assert ask("status", known=known).process == process
    assert ask("stop", known=known).left == 0
    wait_until(lambda: ask("status", known=known).state == "exited")
    assert not Path(f"/proc/{process.pid}").exists()


def test_a_home_that_is_not_there_is_named(ask: Ask, tmp_path: Path) -> None:
    reply = ask("start", cwd=str(tmp_path / "nowhere"))
    assert (reply.state, reply.kind) == ("failed", "home")
    assert f"there is no home directory {tmp_path}/nowhere" in reply.detail


def test_a_full_disk_does_not_keep_a_server_from_being_ended(ask: Ask) -> None:
    """Home directories have quotas, and it is then that a user wants to stop."""
    process = ask("start").process
    assert ask("status", sh=FULL).process == process
    reply = ask("stop", sh=FULL)
    assert (reply.state, reply.left) == ("exited", 0)
    assert ask("status", sh=FULL).state == "exited"


def test_a_server_that_dies_on_a_full_disk_leaves_no_children(ask: Ask) -> None:
    name = f"7012.{os.getpid()}"  # what a run that failed has left is not meant
    children = f"import subprocess; subprocess.Popen(['setsid', 'sleep', '{name}'])\n" + SERVER
    process = ask("start", argv=[sys.executable, "-c", children]).process

    def left() -> list[str]:
        return [line for line in processes_of(os.getuid()).values() if f"sleep {name}" in line]

    wait_until(left)
    full_for(process.leader)
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not left())


def test_a_node_that_crashed_leaves_no_secrets(ask: Ask, tmp_path: Path) -> None:
    """Nobody was there to remove them: the next look does, and the record can be pruned."""
    reply = ask("start", files=[{"name": "ssl.keyfile", "env": "KEY", "content": "secret"}])
    for pid in (reply.process.leader, reply.process.pid):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: ask("status").state == "exited")
    assert not (tmp_path / "run/abc123/secrets").exists()
    assert (tmp_path / "run/abc123/exit.json").exists()


@pytest.mark.parametrize("umask", ["0002", "0027"])
def test_the_users_files_get_the_users_umask(ask: Ask, tmp_path: Path, umask: str) -> None:
    """Ours are private; a project's directory is its group's."""
    reply = ask("start", sh=f"umask {umask}; ")
    assert f"\nUmask:\t{umask}\n" in Path(f"/proc/{reply.process.pid}/status").read_text()
    assert (tmp_path / "run/abc123/server.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("op", ["status", "stop", "start"])
def test_a_server_on_another_machine_is_not_absent(ask: Ask, tmp_path: Path, op: str) -> None:
    """Machines that share home directories, behind one name: the record is here, the server not."""
    process = ask("start").process
    path = tmp_path / "run/abc123/record.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "node": "other", "boot": "other"}))
    reply = ask(op)
    assert (reply.state, reply.kind) == ("failed", "other-node")
    path.write_text(json.dumps({**record, "node": "renamed"}))
    assert ask("status").process == process


def test_starts_that_failed_are_pruned(ask: Ask, tmp_path: Path) -> None:
    """Also where none ever succeeds: a folder for each try of a user whose node has no hub."""
    nobody = {"host": "127.0.0.1", "port": 9, "url": "http://127.0.0.1:9/", "timeout": 1}
    for number in range(KEEP_ENDED + 3):
        assert ask("start", instance=f"failed{number}", hub=nobody).kind == "hub-unreachable"
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left == {f"failed{number}" for number in range(2, KEEP_ENDED + 3)}


def test_two_starts_may_prune_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one has found to be over, the other has deleted by then: that is no failed start."""
    for number in range(8):
        ended = Instance([str(tmp_path)], f"ended{number}")
        ended.create()
        ended.write("exit.json", {})

    def members(one: Instance) -> dict[int, int]:
        if one.name == "ended3":
            shutil.rmtree(one.path)
        return {}

    monkeypatch.setattr(Instance, "members", members)
    Instance([str(tmp_path)], "new").prune()
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == KEEP_ENDED
    assert "ended3" not in left


def test_a_log_s_tail_begins_with_a_whole_line(tmp_path: Path) -> None:
    """Half a line may be half a secret, which is not recognised as one."""
    one = Instance([str(tmp_path)], "abc123")
    one.create()
    Path(one.file("server.log")).write_text("token 0123456789abcdef\n" + "x" * 8180 + "\nlast\n")
    assert "cdef" not in one.tail()
    assert one.tail().endswith("last\n")


def test_a_supervisor_that_fails_says_so(ask: Ask) -> None:
    """It was "ended with status 0". What is said has no part of the value, which may be secret."""
    reply = ask("start", env={"A": "hunter22\ud800"})
    assert (reply.state, reply.kind) == ("failed", "launcher")
    assert "UnicodeEncodeError" in reply.detail
    assert "hunter22" not in reply.detail
    assert ask("stop").state == "exited"


@pytest.mark.parametrize("word", ["x\0", "\ud800"])
def test_arguments_that_are_none_are_said(ask: Ask, word: str) -> None:
    reply = ask("start", argv=[sys.executable, word])
    assert (reply.state, reply.kind) == ("failed", "command")
    assert "cannot run" in reply.detail


CLASHES_ONCE = """
import os, sys
if not os.path.exists("clashed"):
    open("clashed", "w").close()
    sys.exit("OSError: [Errno 98] Address already in use")
print("no module named lab", flush=True)
sys.exit(3)
"""


def test_one_clash_does_not_make_a_clash_of_all_that_follows(ask: Ask, tmp_path: Path) -> None:
    """The tries of a start share a log: "every port got taken", said the user's page."""
    argv = [sys.executable, "-c", CLASHES_ONCE]
    reply = ask("start", argv=argv, cwd=str(tmp_path))
    assert (reply.kind, reply.returncode) == ("exit", 3), reply
    assert "no module named lab" in reply.tail


def test_a_log_s_tail_since_a_try_began(tmp_path: Path) -> None:
    one = Instance([str(tmp_path)], "abc123")
    one.create()
    assert one.logged() == 0
    log = Path(one.file("server.log"))
    log.write_text("before\n")
    logged = one.logged()
    assert one.tail(logged) == ""
    log.write_text("before\nafter\n")
    assert one.tail(logged) == "after\n"
    log.write_text("before\n" + "x" * 8190 + "\nlast\n")
    assert one.tail(logged) == "last\n"


@pytest.mark.parametrize("ip", ["nosuch.invalid", "256.1.1.1", "*", "::zz", "192.0.2.1", "a\0"])
def test_an_address_that_is_none_of_the_node_s_is_said(ask: Ask, ip: str) -> None:
    """It was "no free port at all on this node". (What means all addresses is 0.0.0.0 or ::.)"""
    reply = ask("start", ip=ip)
    assert (reply.state, reply.kind) == ("failed", "bind")
    assert f"cannot listen on {ip!r}, see Spawner.ip: " in reply.detail


def test_a_port_that_is_taken_is_said(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        reply = ask("start", ports=[port, port])
    assert (reply.kind, reply.detail) == (
        "ports", f"no free port between {port} and {port} on this node",
    )  # fmt: skip


def test_records_are_json(ask: Ask, tmp_path: Path) -> None:
    """What an administrator finds when debugging."""
    ask("start")
    record = json.loads((tmp_path / "run/abc123/record.json").read_text())
    assert set(record) == {
        "pid", "port", "leader", "ticks", "leader_ticks", "device", "inode", "node", "boot",
    }  # fmt: skip
