"""The process that stays beside each server: what it is, what it passes on, and what is left when
it or the launcher is killed at any step. Needs neither root nor sshd."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from asking import SERVER, Ask, pythons
from machinery import processes_of, wait_until

from jupyterhub_sshspawner.launcher.processes import process

SHELLS = [path for path in ("/bin/dash", "/bin/bash", "/bin/busybox") if shutil.which(path)]
DAEMONS = """
import subprocess
for _ in range(5):
    subprocess.run(["sh", "-c", "setsid sleep {seconds} &"])
"""

# A Python that runs what it is given with one of its functions changed.
CHANGED = """#!{python} -IS
import os, sys
{change}
exec(sys.argv[-1])
"""
SHELL = """
execve = os.execve
os.execve = lambda path, *more: execve({shell!r} if path == "/bin/sh" else path, *more)
"""
DIE = "os.kill(os.getpid(), 9)"
STEPS = {  # of a start: when the launcher, or the supervisor, is killed
    "forked": f"""
fork = os.fork
def changed():
    pid = fork()
    if pid:
        {DIE}
    return pid
os.fork = changed
""",
    "recorded": f"""
replace = os.replace
def changed(source, target):
    replace(source, target)
    if target.endswith("record.json"):
        {DIE}
os.replace = changed
""",
    "half told": f"""
write = os.write
def changed(number, data):
    if b"HOME=" in data:
        write(number, data[:100])
        {DIE}
    return write(number, data)
os.write = changed
""",
}
TOLD = f"""
write = os.write
def changed(number, data):
    count = write(number, data)
    if b"HOME=" in data:
        {DIE}
    return count
os.write = changed
"""
SUPERVISOR = """
fork = os.fork
def changed():
    pid = fork()
    if pid:
        while open("/proc/%d/comm" % pid).read() != "sh\\n":
            pass
        os.kill(pid, 9)
    return pid
os.fork = changed
"""


def changed(where: Path, change: str) -> str:
    """The path of a Python that differs in this."""
    path = where / "changed-python"
    path.write_text(CHANGED.format(python=sys.executable, change=change))
    path.chmod(0o755)
    return str(path)


def ended(pid: int) -> bool:
    """Whether it runs no more, whoever may still have to take its exit status."""
    found = process(pid)
    return not (found and found.lives)


def named(name: str) -> list[str]:
    return [line for line in processes_of(os.getuid()).values() if name in line]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        *((f"kill -{n} $$", 128 + n) for n in (9, 15)),
    ],
)
def test_how_it_ended_is_told(ask: Ask, tmp_path: Path, shell: str, script: str, code: int) -> None:
    """POSIX, Shell Command Language 2.8.2: above 128 for a signal; 128+n is what the hub shows."""
    python = changed(tmp_path, SHELL.format(shell=shell))
    reply = ask("start", use=python, argv=["/bin/sh", "-c", f"echo last words; {script}"])
    assert (reply.state, reply.kind, reply.returncode) == ("failed", "exit", code), reply
    assert "last words" in reply.tail
    assert (tmp_path / "run/abc123/exit.json").read_text() == f'{{"returncode": {code}}}\n'


@pytest.mark.parametrize("shell", SHELLS)
def test_it_reaps_what_it_adopts(ask: Ask, tmp_path: Path, shell: str) -> None:
    """A server that daemonises things for weeks must not fill the table of processes."""
    python = changed(tmp_path, SHELL.format(shell=shell))
    argv = [sys.executable, "-c", DAEMONS.format(seconds=f"0.{os.getpid()}") + SERVER]
    server = ask("start", use=python, argv=argv).process
    leader = server.leader
    assert os.readlink(f"/proc/{leader}/exe").endswith(os.path.basename(shell))
    children = Path(f"/proc/{leader}/task/{leader}/children")
    wait_until(lambda: children.read_text().split() == [str(server.pid)])


@pytest.mark.parametrize("shell", SHELLS)
def test_it_ends_daemons_after_the_server(ask: Ask, tmp_path: Path, shell: str) -> None:
    name = f"sleep 7013.{os.getpid()}"
    python = changed(tmp_path, SHELL.format(shell=shell))
    argv = [sys.executable, "-c", DAEMONS.format(seconds=name.split()[1]) + SERVER]
    secret = {"name": "ssl.keyfile", "env": "KEY", "content": "secret"}
    server = ask("start", use=python, argv=argv, files=[secret]).process
    wait_until(lambda: len(named(name)) == 6)  # with the server's own line
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not named(name))
    wait_until(lambda: ended(server.leader))
    assert not (tmp_path / "run/abc123/secrets").exists()


def test_it_is_a_shell_that_holds_little(ask: Ask) -> None:
    """No Python, nothing of the session, and no secret in what others may read."""
    server = ask("start", env={"SITE_TOKEN": "hunter22"}).process
    assert "python" not in os.readlink(f"/proc/{server.leader}/exe")
    held = {os.readlink(path) for path in Path(f"/proc/{server.leader}/fd").iterdir()}
    outside = {path for path in held if not path.startswith(("/dev/null", "pipe:"))}
    assert {os.path.basename(path) for path in outside} == {"server.log", "marker"}
    for kind in ("cmdline", "environ"):
        assert b"hunter22" not in Path(f"/proc/{server.leader}/{kind}").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE])
def test_it_does_not_mind_signals(ask: Ask, number: int) -> None:
    server = ask("start").process
    os.kill(server.leader, number)
    status = Path(f"/proc/{server.leader}/status").read_text()
    assert "\nSigPnd:\t0000000000000000\n" in status
    assert int(status.split("\nSigIgn:\t")[1].split()[0], 16) >> (number - 1) & 1
    assert ask("status").process == server


@pytest.mark.parametrize("python", pythons())
def test_the_server_gets_its_environment_and_no_other(ask: Ask, python: str) -> None:
    """Byte for byte, also what is no name to a shell and more than a pipe holds; nothing of the
    supervisor's."""
    odd = {
        "name.with-odd/chars": "kept", "1": "one", "BASH_FUNC_wait%%": "() { exit 9; }",
        "BYTES": "\udcff\udc80\n", "SSHSPAWNER_BECOMING": "mine", "ENV": "/nonexistent",
        **{f"LONG{i}": "x" * 100_000 for i in range(5)},
    }  # fmt: skip
    server = ask("start", use=python, env=odd).process
    raw = Path(f"/proc/{server.pid}/environ").read_bytes()
    got = dict(item.split(b"=", 1) for item in raw.split(b"\0")[:-1])
    for name, value in odd.items():
        assert got[name.encode()] == value.encode("utf-8", "surrogateescape"), name
    assert b"SSHSPAWNER_CLEARING" not in got


def test_the_server_begins_as_if_from_a_login(ask: Ask) -> None:
    """Default signals, none blocked, nothing open but log and marker, a group of its own."""
    server = ask("start").process
    pid = server.pid
    status = Path(f"/proc/{pid}/status").read_text()
    # Python itself ignores SIGPIPE and SIGXFSZ; glibc's posix_spawn, which make uses, those of its
    # own (32, 33), which no program can set
    bits = int(status.split("\nSigIgn:\t")[1].split()[0], 16)
    ignored = {number for number in signal.valid_signals() if bits & 1 << number - 1}
    assert ignored <= {signal.SIGPIPE, signal.SIGXFSZ}
    assert "\nSigBlk:\t0000000000000000\n" in status
    assert os.getpgid(pid) == pid
    assert os.getsid(pid) == server.leader
    held = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    assert not [path for path in held if path.startswith("pipe:")]


@pytest.mark.parametrize("step", STEPS)
def test_a_launcher_that_is_killed_early_starts_nothing(
    ask: Ask, tmp_path: Path, step: str
) -> None:
    """And hinders nothing: the next start has one server."""
    name = f"7014.{os.getpid()}"
    argv = [sys.executable, "-c", SERVER + f"# {name}"]
    lost = ask("start", wait=False, use=changed(tmp_path, STEPS[step]), argv=argv)
    assert lost.wait(20) == -signal.SIGKILL
    wait_until(lambda: not named("abc123"), message=lambda: str(named("abc123")))
    assert not named(name)
    reply = ask("start", use=sys.executable, argv=argv)
    assert reply.state == "running", reply
    assert len(named(name)) == 1


@pytest.mark.parametrize("step", STEPS)
def test_what_a_killed_launcher_left_is_not_running(ask: Ask, tmp_path: Path, step: str) -> None:
    lost = ask("start", wait=False, use=changed(tmp_path, STEPS[step]))
    lost.wait(20)
    wait_until(lambda: ask("status", use=sys.executable).state in ("absent", "exited"))
    assert ask("stop").left == 0


def test_a_launcher_that_is_killed_late_leaves_a_server_that_is_known(
    ask: Ask, tmp_path: Path
) -> None:
    lost = ask("start", wait=False, use=changed(tmp_path, TOLD))
    assert lost.wait(20) == -signal.SIGKILL
    reply = ask("status", use=sys.executable)
    assert reply.state == "running"
    assert ask("start").process == reply.process


def test_a_supervisor_that_is_killed_early_fails_the_start(ask: Ask, tmp_path: Path) -> None:
    name = f"7015.{os.getpid()}"
    argv = [sys.executable, "-c", SERVER + f"# {name}"]
    reply = ask("start", use=changed(tmp_path, SUPERVISOR), argv=argv)
    assert reply.state == "failed"
    assert reply.kind in ("launcher", "exit")
    wait_until(lambda: not named(name))


def test_a_server_that_is_killed_at_once_has_its_status(ask: Ask, tmp_path: Path) -> None:
    """``now``: the supervisor has had time to write it down, and to remove the secrets."""
    secret = {"name": "ssl.keyfile", "env": "KEY", "content": "secret"}
    server = ask("start", files=[secret]).process
    reply = ask("stop", phases=[["KILL", 5]])
    assert (reply.returncode, reply.signals, reply.left) == (137, ("KILL",), 0)
    assert ended(server.leader)


def test_a_supervisor_that_does_not_go_is_killed(ask: Ask) -> None:
    server = ask("start").process
    os.kill(server.leader, signal.SIGSTOP)
    assert ask("stop", phases=[["KILL", 2]]).left == 0


def test_a_supervisor_without_its_python_finds_another(ask: Ask, tmp_path: Path) -> None:
    """An upgrade of the node takes the Python of the start away while the server runs."""
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    name = f"sleep 7016.{os.getpid()}"
    argv = [sys.executable, "-c", DAEMONS.format(seconds=name.split()[1]) + SERVER]
    server = ask("start", use=str(python), argv=argv).process
    python.unlink()
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not named(name))
    wait_until(lambda: ended(server.leader))  # it goes last
    assert ask("status", use=sys.executable).returncode == 137


# A server that loses what it is told in the moment in which it begins to listen.
LOSING = """
import signal
def lost(number, frame):
    pass
for number in {lost}:
    signal.signal(number, lost)
"""


@pytest.mark.parametrize(
    ("lost", "signals"),
    [
        ([signal.SIGINT], ("INT", "TERM")),
        ([signal.SIGINT, signal.SIGTERM], ("INT", "TERM", "KILL")),
    ],
)
def test_a_server_that_loses_a_signal_as_it_begins_to_listen_is_looked_at_again(
    ask: Ask, lost: list[signal.Signals], signals: tuple[str, ...]
) -> None:
    """It would live on, unknown to the hub, if a stop took a signal that was sent for the end."""
    script = LOSING.format(lost=list(map(int, lost))) + SERVER
    server = ask("start", argv=[sys.executable, "-c", script]).process
    reply = ask("stop", phases=[["INT", 0.5], ["TERM", 0.5], ["KILL", 5]])
    assert (reply.state, reply.signals, reply.left) == ("exited", signals, 0)
    assert ended(server.pid)
    assert ended(server.leader)


# What supervisors were until they were shells: one that an older hub left, or a newer one's
# predecessor, is known by the same record and marker.
OLDER = """
import fcntl, json, os, signal, subprocess, sys, time
os.setsid()
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
marker = os.open(sys.argv[1] + "/marker", os.O_RDWR | os.O_CREAT)
os.set_inheritable(marker, True)
fcntl.flock(marker, fcntl.LOCK_EX)
def ticks(pid):
    return int(open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()[19])
def begin():
    os.setpgid(0, 0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
server = subprocess.Popen(["sleep", sys.argv[2]], close_fds=False, preexec_fn=begin)
record = {"leader": os.getpid(), "leader_ticks": ticks(os.getpid()), "pid": server.pid,
          "ticks": ticks(server.pid), "port": 9}
with open(sys.argv[1] + "/record.json", "w") as file:
    json.dump(record, file)
print("ready", flush=True)
code = server.wait()
"""


def test_a_supervisor_of_an_older_version_is_found_and_ended(ask: Ask, tmp_path: Path) -> None:
    """Without device and inode of the marker in the record, as of then."""
    folder = tmp_path / "run/abc123"
    folder.mkdir(parents=True, mode=0o700)
    older = subprocess.Popen(
        [sys.executable, "-c", OLDER, str(folder), f"7017.{os.getpid()}"], stdout=subprocess.PIPE
    )
    assert older.stdout
    assert older.stdout.readline() == b"ready\n"
    assert ask("status").process.leader == older.pid
    reply = ask("stop")
    assert (reply.signals, reply.left) == (("INT",), 0)
    older.wait(10)
    assert not named(f"sleep 7017.{os.getpid()}")
