"""The three requests of the hub: start, status, stop. All may be repeated without harm."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

from .instance import Failed, Instance
from .listening import everywhere, listeners
from .ports import check_hub, reserve
from .processes import alive, owns, process, send
from .supervisor import POLL, fork_supervisor, reap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable

NOW = [("KILL", 5.0)]


def start(
    request: dict[str, Any], instance: Instance, say: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Start the server, once however often this is asked; returns when it listens."""
    say({"event": "stage", "stage": "run-dir", "what": instance.path})
    instance.create(to_start=True)
    instance.check_node()
    _wait_for_turn(instance, say)
    told = instance.read("reply.json")
    if told.get("state") == "running" and not instance.members():
        return _exited_early(instance)
    if told:
        return told
    if instance.has("stop"):
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
    if instance.has("stop"):
        _end(instance, NOW)
        raise Failed("stopped", "this start was called off")
    if time.monotonic() > deadline:
        _end(instance, NOW)
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
    if request.get("reverse"):
        _check_reverse(request["reverse"], say)
    if request["hub"]:
        say({"event": "stage", "stage": "hub", "what": request["hub"]["url"]})
        check_hub(request["hub"])
    say({"event": "stage", "stage": "server", "what": ""})
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
    port, reservation = reserve(request["ip"], low, high)
    instance.remove("exit.json")
    instance.write_secrets(request["files"])
    marker = _marker(instance)
    logged = instance.logged()  # by earlier tries, whose processes have ended
    reports, report = os.pipe()
    fork_supervisor(request, instance, port, report, marker)
    os.close(marker)
    os.close(report)
    try:
        return _watch(instance, reports, port, logged, say, deadline)
    finally:
        reservation.close()
        os.close(reports)
        reap()


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
    instance: Instance,
    reports: int,
    port: int,
    logged: int,
    say: Callable[[dict[str, Any]], None],
    deadline: float,
) -> dict[str, Any] | None:
    """Follow the server until it listens, ends, is called off, or takes too long."""
    pending = b""
    while True:
        if select.select([reports], [], [], POLL)[0]:
            data = os.read(reports, 65536)
            *lines, pending = (pending + data).split(b"\n")
            for event in [json.loads(line) for line in lines] + ([] if data else [{"exit": 0}]):
                if "pid" in event:
                    say({"event": "started", "pid": event["pid"], "port": port})
                elif "exec_error" in event:
                    raise Failed("command", event["exec_error"])
                elif "error" in event:
                    raise Failed("launcher", "the supervisor failed: " + event["error"])
                elif _squatted(instance, port, logged):
                    return None
                else:
                    raise Failed(
                        "exit", "the server ended before it listened",
                        returncode=event["exit"], tail=instance.tail(),
                    )  # fmt: skip
        sockets = listeners(port)
        if sockets and owns(instance.members(), sockets):
            return _running(instance.record(), True)
        _check_patience(instance, deadline)


def _squatted(instance: Instance, port: int, logged: int) -> bool:
    """Whether the server ended because the port was taken, so that another port may do.

    By what this try has said: an earlier one may have said it of another port.
    """
    return bool(listeners(port)) or "already in use" in instance.tail(logged)


def _running(record: dict[str, Any], listening: bool) -> dict[str, Any]:
    names = ("leader", "leader_ticks", "pid", "ticks", "port")
    return dict({name: record[name] for name in names}, state="running", listening=listening)


def status(
    request: dict[str, Any], instance: Instance, say: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Running, starting, exited or absent; an absent instance can never start afterwards."""
    say({"event": "stage", "stage": "run-dir", "what": instance.path})
    instance.create()
    instance.check_node()
    until = time.monotonic() + request["wait"]
    while True:
        inside = instance.members()
        if inside:
            record = instance.record()
            listening = owns(inside, listeners(record["port"]))
            if listening or time.monotonic() >= until:
                return _running(record, listening)
        elif instance.lock("launch.lock", wait=False) is not None:
            break
        elif time.monotonic() >= until:
            return {"state": "starting"}
        time.sleep(POLL)
    if instance.members():  # a start got there while we took the lock
        return _running(instance.record(), False)
    if not instance.record():
        instance.write("stop", {})
        return {"state": "absent"}
    instance.forget_secrets()  # a node that crashed had no time for it
    code = instance.read("exit.json").get("returncode", 0)
    instance.note("exit.json", {"returncode": code})
    return {"state": "exited", "returncode": code}


def stop(
    request: dict[str, Any], instance: Instance, say: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """End every process of the instance, and see to it that it cannot start any more."""
    say({"event": "stage", "stage": "run-dir", "what": instance.path})
    instance.create()
    instance.check_node()
    instance.note("stop", {})
    used = _end(instance, request["phases"])
    instance.lock("launch.lock", wait=True)  # a start under way has seen the tombstone and left
    used += _end(instance, NOW)
    instance.forget_secrets()
    code = instance.read("exit.json").get("returncode", 0)
    return {
        "state": "exited", "returncode": code, "signals": used, "left": len(instance.members()),
    }  # fmt: skip


def _end(instance: Instance, phases: Iterable[tuple[str, float]]) -> list[str]:
    """Escalate; returns the names of the signals that were needed."""
    record, used = instance.record(), []
    for name, patience in phases:
        if not instance.members():
            break
        used.append(name)
        _signal_all(name, instance, record, time.monotonic() + patience)
    return used


def _signal_all(name: str, instance: Instance, record: dict[str, Any], until: float) -> None:
    """One signal, once for each process and for those that appear meanwhile; then wait."""
    told: set[int] = set()
    inside = instance.members()
    while inside:
        for pid, ticks in inside.items():
            if pid not in told and _is_meant(name, pid, record, inside):
                send(pid, ticks, getattr(signal, "SIG" + name))
                told.add(pid)
        if name == "INT" and not alive(record["pid"], record["ticks"]):
            return  # it shut down: what it leaves behind gets the next signal
        if time.monotonic() > until:
            return
        time.sleep(POLL)
        inside = instance.members()


def _is_meant(name: str, pid: int, record: dict[str, Any], inside: dict[int, int]) -> bool:
    """INT is for the server's process group alone; the supervisor goes by itself, or last."""
    if pid == record["leader"]:
        return name == "KILL" and len(inside) == 1
    if name == "INT":
        stat = process(pid)
        return stat is not None and stat.pgrp == record["pid"]
    return True


REQUESTS = {"start": start, "status": status, "stop": stop}


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
    instance = Instance(request["run_dir"], request["instance"])
    instance.known = request["known"] or {}
    try:
        body = REQUESTS[request["op"]](request, instance, say)
    except Failed as failure:
        body = failure.body
    except Exception as error:
        body = {"state": "failed", "kind": "launcher", "detail": repr(error)[:500]}
    say(dict(body, event="reply"))
