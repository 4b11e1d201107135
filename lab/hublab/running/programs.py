"""The program of each host: stopped, started and looked at without touching its container.

A host's container stays, and with it its network namespace, whatever happens to the program
in it. s6 supervises; a program that ends stays down until `start`.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from hublab.engine import Container, ExecResult
from hublab.errors import LabError
from hublab.roles import supervised
from hublab.running.lab import Lab

NOT_SUPERVISED = 1
"""What s6-svstat ends with where s6-supervise does not run (skarnet.org/software/s6, s6-svstat)."""
HUB_PIDS = "/run/hublab/hub.pid"
"""On the hub's host: the pid of what s6 supervises in a forked hub's place, and the hub's own
(compose/images/hub/warm/start.py)."""
AS_HUB = "/usr/local/lib/hublab/as_hub"
"""On the hub's host: runs a command as the hub's user, which is root in some labs, and in its
group, which tells the hub's processes from root's others (compose/images/hub/as_hub)."""
OWN_PROXY = "/srv/jupyterhub/jupyterhub-proxy.pid"
PATIENCE = "60000"
"""Milliseconds for what takes a few: a machine that does much else may need seconds."""


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a host's program runs (`pid`), or with which `exit_code` it ended by itself."""

    up: bool
    pid: int | None
    exit_code: int | None
    signal: str | None
    seconds: float
    text: str

    @property
    def ended(self) -> bool:
        """Whether it ran and ended, by itself or by a signal."""
        return not self.up and (self.exit_code is not None or self.signal is not None)

    @property
    def end(self) -> str:
        """How it ended, in words."""
        return f"signal {self.signal}" if self.signal else f"exit code {self.exit_code}"


def program_of(lab: Lab, host: str) -> str:
    """The name of the program that a host exists for."""
    role = supervised(lab.host(host).roles)
    if role is None or role.program is None:
        raise LabError(
            f"{host} has the role {lab.host(host).role}, whose program hublab does not supervise"
        )
    return role.program


def is_supervised(host: Container) -> bool:
    """Whether s6 runs a program on a host. A hub that is also the proxy runs the proxy itself."""
    return supervised(host.roles) is not None


STATUS = """
s6-svstat "$1"; code=$?
cat "$2" 2>/dev/null
exit $code
"""


def status(lab: Lab, host: str) -> Status:
    """How the host's program is now; neither up nor ended where its host has only just started.

    `pid` and the pid in `text` are the program's own, also where s6 supervises a stand-in.
    """
    folder = f"/etc/s6/{program_of(lab, host)}"
    argv: tuple[str, ...] = ("s6-svstat", folder)
    if "hub" in lab.host(host).roles:
        argv = ("sh", "-c", STATUS, "-", folder, HUB_PIDS)
    text = with_own_pid(lab.output(host, *argv, fine=(0, NOT_SUPERVISED)))
    up = text.startswith("up")
    pid = re.search(r"pid (\d+)", text)
    code = re.search(r"exitcode (\d+)", text)
    signal = re.search(r"signal (\w+)", text)
    since = re.search(r"(\d+) seconds", text)
    return Status(
        up=up,
        pid=int(pid[1]) if pid else None,
        exit_code=int(code[1]) if code else None,
        signal=signal[1] if signal else None,
        seconds=float(since[1]) if since else 0.0,
        text=text,
    )


def with_own_pid(text: str) -> str:
    """What s6-svstat says, with the hub's pid in place of its stand-in's; see STATUS."""
    says, _, pids = text.strip().partition("\n")
    stand_in, _, own = pids.strip().partition(" ")
    return re.sub(rf"\b(pid|pgid) {stand_in}\b", rf"\1 {own}", says) if own else says


def stop(lab: Lab, host: str, timeout: float = 20) -> float:
    """Ask the program to end and wait for it; returns the seconds that took.

    It gets SIGTERM, as from any service manager, and SIGKILL after the timeout (seconds).
    """
    begun = time.monotonic()
    folder = f"/etc/s6/{program_of(lab, host)}"
    done = lab.run(host, "s6-svc", "-wD", "-T", str(int(timeout * 1000)), "-d", folder)
    if done.exit_code:
        kill_if_up(lab, host)
    return time.monotonic() - begun


def start(lab: Lab, host: str) -> None:
    """Start the program; returns when it has been started, not when it is ready."""
    folder = f"/etc/s6/{program_of(lab, host)}"
    lab.output(host, "s6-svc", "-wu", "-T", PATIENCE, "-u", folder)


def kill(lab: Lab, host: str, signal: str = "KILL") -> None:
    """Send a signal to the program, as a crash would: nothing gets to clean up."""
    pid = status(lab, host).pid
    if pid is None:
        raise LabError(f"the program of {host} does not run, so it cannot get SIG{signal}")
    # The shell's own `kill`, for not every image has the program.
    lab.output(host, "sh", "-c", 'kill -s "$1" "$2"', "-", signal, str(pid))


def kill_if_up(lab: Lab, host: str) -> None:
    """End the program at once, without letting it clean up; one that is down stays down."""
    folder = f"/etc/s6/{program_of(lab, host)}"
    lab.output(host, "s6-svc", "-wD", "-T", PATIENCE, "-k", "-d", folder)


END_HUB = """
own=$1 patience=$2; shift 2
s6-svc -wD -T "$patience" -k -d /etc/s6/hub || exit 1
left() { find /proc -mindepth 1 -maxdepth 1 -name '[0-9]*' -group jupyterhub; }
for try in $(seq 1200); do
  pids=$(left) && [ -n "$pids" ] || break
  for pid in $pids; do kill -s KILL "${pid#/proc/}" 2>/dev/null; done
  sleep 0.05
done
rm -f "$own" "$@"
[ -z "$(left)" ]
"""


def end_hub_and_all(lab: Lab, host: str, *files: str) -> None:
    """End a hub's program at once, whatever else it has ever started, and remove files of it."""
    lab.output(host, "sh", "-c", END_HUB, "-", OWN_PROXY, PATIENCE, *files)


END_LEFT = """
for dir in /proc/[0-9]*; do
  [ -G "$dir" ] && ! grep -qz '^JUPYTERHUB_ACTIVITY_URL=' "$dir/environ" || continue
  kill -s KILL "${dir#/proc/}"
done 2>/dev/null
rm -f "$1"
"""


def end_what_the_hub_left(lab: Lab, host: str) -> None:
    """End what a killed hub leaves running on its host beside users' servers.

    That is its managed services and its own proxy: a hub that starts next would have each service
    twice, and would find the proxy and wait for it. A server is known by JUPYTERHUB_ACTIVITY_URL in
    its environment (jupyterhub/services/service.py: "no activity url for services"), which its own
    user alone may read. This command has one, too.
    """
    if "hub" in lab.host(host).roles:
        argv = ("env", "JUPYTERHUB_ACTIVITY_URL=", "sh", "-c", END_LEFT, "-", OWN_PROXY)
        lab.output(host, AS_HUB, *argv)


RESTART_HUB = f"""
s6-svc -wD -T "$2" -k -d /etc/s6/hub || exit 1
{AS_HUB} env JUPYTERHUB_ACTIVITY_URL= sh -c "$3" - "$1"
s6-svc -wu -T "$2" -u /etc/s6/hub
"""


def kill_and_start(lab: Lab, host: str) -> None:
    """End a program by SIGKILL, and what a hub leaves beside servers, and start it again."""
    if "hub" in lab.host(host).roles:
        # One command where `kill_if_up`, `end_what_the_hub_left` and `start` are three.
        lab.output(host, "sh", "-c", RESTART_HUB, "-", OWN_PROXY, PATIENCE, END_LEFT)
        return
    kill_if_up(lab, host)
    start(lab, host)


LISTENS = """
for fd in /proc/$1/fd/*; do
  socket=$(readlink "$fd") || continue
  inode=${socket#socket:[}
  [ "$inode" = "$socket" ] && continue
  grep -qE " 0A .* ${inode%]} " /proc/$1/net/tcp /proc/$1/net/tcp6 && exit 0
done
exit 1
"""
"""Whether a process has a socket in the state LISTEN (0A), by its inode (proc(5))."""


AS_OWNER = """
owner=$(stat -c %u /proc/$2) && group=$(stat -c %g /proc/$2) || exit 1
exec s6-applyuidgid -u "$owner" -g "$group" -G "$group" sh -c "$1" - "$2"
"""


def look_at(lab: Lab, host: str, pid: int, script: str) -> ExecResult:
    """Run a script that looks at a process of a host, which is its `$1`, as the process's owner.

    In a container not even root may look into another user's process. The exit code is 1 where
    there is no such process, as it may be where a script finds nothing.
    """
    return lab.run(host, "sh", "-c", AS_OWNER, "-", script, str(pid))


def listens(lab: Lab, host: str, pid: int) -> bool:
    """Whether a process of a host accepts TCP connections."""
    return look_at(lab, host, pid, LISTENS).exit_code == 0
