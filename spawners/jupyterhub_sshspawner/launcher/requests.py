"""The requests of the hub: start, status, stop, list, log, prewarm. All may be repeated."""

from __future__ import annotations

import json
import os
import select
import sys
import time

from . import tickets
from .ending import NOW, POLL, end
from .instance import Failed, Instance
from .leftovers import end_leftovers, list_servers
from .listening import everywhere, listeners
from .ports import check_hub, reserve
from .prewarm import prewarm
from .processes import owns
from .server_log import read_log
from .supervisor import Supervisor, reap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

QUICKEST, SLOWEST = 0.005, 0.1  # seconds between two looks for the server's port


def start(
    request: dict[str, Any], instance: Instance, say: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Start the server, once however often this is asked; returns when it listens."""
    instance.check_node()
    _settle(instance, say)
    told = instance.read("reply.json")
    if told.get("state") == "running" and not instance.members():
        return _exited_early(instance)
    if told:
        return told
    if instance.called_off():
        raise Failed("stopped", "this start was called off before it began")
    try:
        if instance.members():  # an earlier launcher was killed after it had started the server
            say({"event": "stage", "stage": "server", "what": ""})
            body = _adopt(instance, request["until"])
        else:
            body = _launch(request, instance, say)
    except Failed as failure:
        instance.forget_secrets()
        body = failure.body
    instance.note("reply.json", body)
    return body


def _settle(instance: Instance, say: Callable[[dict[str, Any]], None]) -> None:
    """Have a directory that can be used, and lock out other launchers of this instance.

    A home may be full, without locks, or not there at all; what runs in the fall-back then lets
    its user tidy up.
    """
    failures: list[Failed] = []
    for root in instance.roots[instance.roots.index(instance.root) :]:
        instance.use(root)
        say({"event": "stage", "stage": "run-dir", "what": instance.path})
        try:
            try:
                instance.create(to_start=not instance.begun)
            except Failed:
                if not instance.has("launch.lock"):
                    raise
                _wait_for_turn(instance, say)  # another launcher, who found room, may be at work
                if not instance.begun:
                    raise
            else:
                _wait_for_turn(instance, say)
        except Failed as failure:
            instance.unmake()
            failures.append(failure)
            continue
        if failures:
            say({"event": "elsewhere", "what": instance.root, "why": str(failures[0])})
        return
    raise Failed("run-dir", "; ".join(map(str, failures)) + ": see SSHSpawner.run_dir")


def _wait_for_turn(instance: Instance, say: Callable[[dict[str, Any]], None]) -> None:
    """Lock out other launchers of this instance, until this process ends."""
    say({"event": "stage", "stage": "lock", "what": instance.file("launch.lock")})
    if instance.lock("launch.lock", wait=False) is None:
        say({"event": "stage", "stage": "turn", "what": "another launcher"})
        instance.lock("launch.lock", wait=True)


def _adopt(instance: Instance, deadline: float) -> dict[str, Any]:
    """Wait until a server that somebody else started listens."""
    while instance.members():
        record = instance.record()
        if owns(instance.members(), listeners(record["port"])):
            return _running(record, True)
        _check_patience(instance, deadline)
        time.sleep(POLL)
    return _exited_early(instance)


def _check_patience(instance: Instance, deadline: float) -> None:
    """End a start that is called off or takes too long."""
    if instance.called_off():
        end(instance, NOW)
        raise Failed("stopped", "this start was called off")
    if time.monotonic() > deadline:
        end(instance, NOW)
        raise Failed("timeout", "the server did not listen in time", tail=instance.tail())


def _exited_early(instance: Instance) -> dict[str, Any]:
    code = instance.read("exit.json").get("returncode", 0)
    return Failed("exit", "the server has ended", returncode=code, tail=instance.tail()).body


def _launch(
    request: dict[str, Any], instance: Instance, say: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    deadline = request["until"]
    say({"event": "stage", "stage": "run-dir", "what": instance.root})
    instance.prune()
    end_leftovers(request, instance, say)
    if request.get("reverse"):
        _check_reverse(request["reverse"], say)
    if request["hub"]:
        say({"event": "stage", "stage": "hub", "what": request["hub"]["url"]})
        check_hub(request["hub"])
    say({"event": "stage", "stage": "server", "what": ""})
    _check_home(request["cwd"])
    _check_patience(instance, deadline)  # after a wait that the hub has given up
    instance.write_secrets(request["files"])
    for _ in range(request["port_attempts"]):
        body = _attempt(request, instance, say, deadline)
        if body:
            return body
    raise Failed("ports", "every port that was tried got taken by somebody else")


def _check_reverse(reverse: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """The hub asked for a port on the loopback; where sshd has GatewayPorts yes it is on all."""
    found = everywhere(reverse["port"])
    if not found:
        return
    where = " and ".join("%s port %d" % (address, reverse["port"]) for address in found)
    if not reverse["anywhere"]:
        raise Failed(
            "exposed",
            "the reverse tunnel to the hub stands open on every address of this node (%s): set "
            "GatewayPorts no in its sshd_config, or see SSHSpawner.allow_gateway_ports" % where,
        )
    say({"event": "exposed", "where": where})


def _attempt(
    request: dict[str, Any],
    instance: Instance,
    say: Callable[[dict[str, Any]], None],
    deadline: float,
) -> dict[str, Any] | None:
    """One try with one port: what to reply, or None when somebody else took the port."""
    low, high = request["ports"] or (0, 0)
    reservation = reserve(request["ip"], low, high)
    port = reservation.port
    marker = _marker(instance)  # so that an earlier try's supervisor removes nothing of this one's
    instance.remove("exit.json")
    instance.write_secrets(request["files"])
    tickets.keep(request, instance)
    logged = instance.logged()  # by earlier tries, whose processes have ended
    try:
        supervisor = Supervisor(request, instance, port, marker)
    finally:
        os.close(marker)
    if request.get("warm"):
        _tell_warmth(supervisor.cold, say)
    try:
        return _watch(request, instance, supervisor, port, logged, say, deadline)
    finally:
        reservation.close()
        supervisor.close()
        reap()


def _tell_warmth(cold: str, say: Callable[[dict[str, Any]], None]) -> None:
    """Whether the server is a fork of a warm parent, as the hub wants it; else why not."""
    say({"event": "cold", "why": cold} if cold else {"event": "warm"})


def _marker(instance: Instance) -> int:
    """The marker, to be inherited; the supervisor of an earlier try may still be sweeping up."""
    until = time.monotonic() + 6
    while True:
        marker = instance.lock("marker", wait=False)
        if marker is not None:
            os.set_inheritable(marker, True)
            return marker
        if time.monotonic() > until:
            raise Failed("launcher", "processes of an earlier try are still there")
        time.sleep(POLL)


def _watch(
    request: dict[str, Any],
    instance: Instance,
    supervisor: Supervisor,
    port: int,
    logged: int,
    say: Callable[[dict[str, Any]], None],
    deadline: float,
) -> dict[str, Any] | None:
    """Follow the server until it listens, ends, is called off, or takes too long."""
    begun = time.monotonic()
    pause = QUICKEST
    while True:
        if select.select([supervisor.reports], [], [], pause)[0]:
            for event in supervisor.events():
                if "pid" in event:
                    say({"event": "started", "pid": event["pid"], "port": port})
                elif "cold" in event:
                    _tell_warmth(str(event["cold"]), say)
                elif "exec_error" in event:
                    raise Failed("command", event["exec_error"])
                elif "error" in event:
                    raise Failed("launcher", "the supervisor failed: " + event["error"])
                elif _squatted(instance, port, logged):
                    return None
                else:
                    raise Failed(
                        "exit", "the server ended before it listened",
                        returncode=event["exit"], tail=instance.tail(), hint=_hint(request),
                    )  # fmt: skip
        looked = time.monotonic()
        sockets = listeners(port)
        if sockets and owns(instance.members(), sockets):
            return _running(instance.record(), True)
        now = time.monotonic()
        pause = _pause(now - begun, now - looked)
        _check_patience(instance, deadline)


def _pause(spent: float, look: float) -> float:
    """Seconds until the next look for the port: a hundredth of what the start has taken.

    The kernel tells nobody that somebody listens. A quick start is seen at once, and many at a
    time, which are slow, do not keep the node busy with looking; nor does a look that takes long.
    """
    return min(max(spent / 100, look * 5, QUICKEST), SLOWEST)


def _check_home(path: str) -> None:
    """The server would begin there, and write there as well."""
    home = os.path.expanduser(path)
    if not os.path.isdir(home):
        raise Failed(
            "home",
            "there is no home directory %s on this node: create it (pam_mkhomedir does so at a "
            "login), or mount it" % home,
        )
    if not os.access(home, os.X_OK):
        raise Failed("home", "the home directory %s on this node may not be entered" % home)


def _hint(request: dict[str, Any]) -> str:
    """Why the server may have ended, where it does not say so itself; a prologue may help."""
    root = request["env"].get("JUPYTERHUB_ROOT_DIR", "")
    if root and not os.path.isdir(os.path.expanduser(root)):
        return "Spawner.notebook_dir: %s is no directory on this node" % root
    return ""


def _squatted(instance: Instance, port: int, logged: int) -> bool:
    """Whether the server ended because the port was taken, so that another port may do.

    By what this try has said: an earlier one may have said it of another port.
    """
    return bool(listeners(port)) or "already in use" in instance.tail(logged)


def _running(record: dict[str, Any], listening: bool) -> dict[str, Any]:
    names = ("leader", "leader_ticks", "pid", "ticks", "port", "device", "inode")
    body = {name: record.get(name, 0) for name in names}
    return dict(body, state="running", listening=listening)


def status(
    request: dict[str, Any], instance: Instance, say: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Running, starting, exited or absent; an absent instance can never start afterwards."""
    instance.create()
    instance.check_node()
    until = time.monotonic() + request["wait"]
    while True:
        inside = instance.members()
        if inside:
            record = instance.record()
            listening = owns(inside, listeners(record["port"]))
            if listening or time.monotonic() >= until:
                tickets.refresh(request, instance)
                return _running(record, listening)
        elif instance.is_free():
            break
        elif time.monotonic() >= until:
            return {"state": "starting"}
        time.sleep(POLL)
    if instance.members():  # a start got there while we took the lock
        return _running(instance.record(), False)
    if not instance.record():
        instance.call_off()
        return {"state": "absent"}
    instance.forget_secrets()  # a node that crashed had no time for it
    code = instance.read("exit.json").get("returncode", 0)
    instance.note("exit.json", {"returncode": code})
    return {"state": "exited", "returncode": code}


def stop(
    request: dict[str, Any], instance: Instance, say: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """End every process of the instance, and see to it that it cannot start any more."""
    instance.create()
    instance.check_node()
    instance.call_off()
    used = end(instance, request["phases"])
    instance.wait_until_free()  # a start under way has seen the tombstone and left
    used += end(instance, NOW)
    instance.forget_secrets()
    code = instance.read("exit.json").get("returncode", 0)
    return {
        "state": "exited", "returncode": code, "signals": used, "left": len(instance.members()),
    }  # fmt: skip


REQUESTS = {
    "start": start, "status": status, "stop": stop, "list": list_servers, "log": read_log,
    "prewarm": prewarm,
}  # fmt: skip


def _request() -> dict[str, Any] | None:
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        return None  # the hub died in mid-sentence: nothing was asked
    body: dict[str, Any] = json.loads(line)
    return body


def main() -> None:
    """Read one request, serve it, reply."""
    request = _request()
    if request is None:
        return
    nonce = request["nonce"]

    def say(body: dict[str, Any]) -> None:
        data = ("\n@@%s %s\n" % (nonce, json.dumps(body))).encode()
        try:
            while data:
                data = data[os.write(1, data) :]
        except OSError:
            pass  # the hub has gone; it will ask again, and the answer is on disk

    say({"event": "hello"})  # so that the hub knows that a login shell let us run
    if request.get("more"):  # it does not say what it wants to one that may wake up late
        more = _request()
        if more is None:
            return
        request = more
    request["umask"] = os.umask(0o077)
    request["until"] = time.monotonic() + request.get("ready_timeout", 0)
    say({"event": "stage", "stage": "run-dir", "what": os.path.expanduser(request["run_dir"])})
    instance = Instance([request["run_dir"], request.get("fallback", "")], request["instance"])
    instance.known = request["known"] or {}
    try:
        body = REQUESTS[request["op"]](request, instance, say)
    except Failed as failure:
        body = failure.body
    except Exception as error:
        body = {"state": "failed", "kind": "launcher", "detail": repr(error)[:500]}
    say(dict(body, event="reply"))
