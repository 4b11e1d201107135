"""Runs on the node, never on the hub: start, status and stop of one server instance.

The hub sends this file's source and one JSON request over the SSH session's stdin (see
``protocol``). Standard library only, Python 3.8 syntax, because the node owes us nothing but a
``python3`` and ``jupyterhub-singleuser``.

What lies in ``<run_dir>/<instance>/`` (0700, files 0600):

``marker``       locked, and held open by supervisor and server: who has it open is of the instance
``launch.lock``  held by a start that is under way, so that nothing is started twice
``stop``         tombstone: this instance must not run (again); a late start sees it and gives up
``record.json``  process ids with start ticks, and the port
``reply.json``   what a start reported, to report it again when the first report was lost
``exit.json``    how the server ended
``server.log``   what the server printed
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import sys
import time

TAIL_BYTES = 8192
KEEP_ENDED = 5  # directories of ended instances that stay for debugging
POLL = 0.03  # seconds between two looks at the child: its start takes a second or more
SECRETS = "secrets"
SESSION_VARIABLES = (
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_ID",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "SSH_TTY",
    "SSH_AUTH_SOCK",
    "SSH_ORIGINAL_COMMAND",
)  # they die with the login session


class Failed(Exception):
    """A start that cannot succeed; ``kind`` is one of the words of ``protocol.FAILURES``."""

    def __init__(self, kind, detail, **more):
        super().__init__(detail)
        self.body = dict(more, state="failed", kind=kind, detail=detail)


# ---------------------------------------------------------------- processes


def processes():
    """Every process: ``{pid: (ppid, pgrp, session, state, start ticks)}``."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = process(int(name))
            if stat:
                found[int(name)] = stat
    return found


def process(pid):
    """``(ppid, pgrp, session, state, start ticks)`` from ``/proc/<pid>/stat``, or None."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if len(fields) < 20:
        return None
    return (int(fields[1]), int(fields[2]), int(fields[3]), fields[0].decode(), int(fields[19]))


def alive(pid, ticks):
    """Whether this very process lives; a zombie does not, nor does another one under its number."""
    stat = process(pid) if pid else None
    return bool(stat and stat[4] == ticks and stat[3] not in "ZX")


def holds_marker(pid, instance):
    """Whether the process has the instance's marker open (inherited, so nobody else can)."""
    wanted = "/%s/marker" % instance
    base = "/proc/%d/fd" % pid
    try:
        for fd in os.listdir(base):
            try:
                target = os.readlink("%s/%s" % (base, fd))
            except OSError:
                continue
            if target.replace(" (deleted)", "").endswith(wanted):
                return True
    except OSError:
        return False
    return False


def members(record, instance):
    """Living processes of the instance as ``{pid: ticks}``: its tree, whatever their sessions.

    The supervisor is a sub-reaper, so what daemonised below it is still its descendant. Where the
    supervisor was killed, its session and the server's own tree are what is left to go by.
    """
    roots = set()
    for pid, ticks in (
        (record.get("leader"), record.get("leader_ticks")),
        (record.get("pid"), record.get("ticks")),
    ):
        if alive(pid, ticks) and holds_marker(pid, instance):
            roots.add(pid)
    if not roots:
        return {}
    table = processes()
    inside = set(roots)
    inside.update(pid for pid, stat in table.items() if stat[2] == record["leader"])
    grown = True
    while grown:
        more = {pid for pid, stat in table.items() if stat[0] in inside} - inside
        inside |= more
        grown = bool(more)
    inside.discard(os.getpid())
    return {p: table[p][4] for p in inside if p in table and table[p][3] not in "ZX"}


def send(pid, ticks, number):
    """Signal a process if it is still the one that was meant; the pidfd closes the gap between."""
    try:
        fd = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    except OSError:
        fd = None
    try:
        if alive(pid, ticks):
            if fd is not None and hasattr(signal, "pidfd_send_signal"):
                signal.pidfd_send_signal(fd, number)
            else:
                os.kill(pid, number)
    except OSError:
        pass  # it ended meanwhile, which is what the signal was for
    finally:
        if fd is not None:
            os.close(fd)


def listeners(port):
    """Inodes of the sockets that listen on the port, in both families."""
    inodes = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(name) as table:
                for line in table:
                    fields = line.split()
                    if len(fields) > 9 and fields[3] == "0A":
                        if int(fields[1].rpartition(":")[2], 16) == port:
                            inodes.add(fields[9])
        except OSError:
            continue
    return inodes


def owns(pids, inodes):
    """Whether one of the processes has one of the sockets open."""
    wanted = {"socket:[%s]" % inode for inode in inodes}
    for pid in pids:
        base = "/proc/%d/fd" % pid
        try:
            for fd in os.listdir(base):
                try:
                    if os.readlink("%s/%s" % (base, fd)) in wanted:
                        return True
                except OSError:
                    continue
        except OSError:
            continue
    return False


# ---------------------------------------------------------------- the instance's directory


class Instance:
    """The directory of one instance and what is written there."""

    def __init__(self, run_dir, name):
        self.name = name
        self.root = os.path.expanduser(run_dir)
        self.path = os.path.join(self.root, name)

    def create(self):
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            for path in (self.root, self.path):
                stat = os.stat(path, follow_symlinks=path == self.root)
                if stat.st_uid != os.getuid():
                    raise Failed("run-dir", "%s belongs to somebody else" % path)
                os.chmod(path, 0o700)
        except OSError as error:
            raise Failed("run-dir", "cannot use %s: %s" % (self.path, error.strerror))

    def file(self, name):
        return os.path.join(self.path, name)

    def has(self, name):
        return os.path.exists(self.file(name))

    def read(self, name):
        try:
            with open(self.file(name)) as source:
                return json.load(source)
        except (OSError, ValueError):
            return {}

    def write(self, name, body):
        temporary = self.file("%s.%d" % (name, os.getpid()))
        with open(temporary, "w") as target:
            json.dump(body, target)
        os.replace(temporary, self.file(name))

    def remove(self, name):
        try:
            os.unlink(self.file(name))
        except OSError:
            pass

    def tail(self):
        try:
            with open(self.file("server.log"), "rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - TAIL_BYTES))
                return log.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def forget_secrets(self):
        base = self.file(SECRETS)
        try:
            for name in os.listdir(base):
                os.unlink(os.path.join(base, name))
            os.rmdir(base)
        except OSError:
            pass

    def lock(self, name, wait):
        """An exclusive lock on a file of the instance, or None when somebody else has it."""
        fd = os.open(self.file(name), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return None
        return fd

    def members(self):
        return members(self.read("record.json"), self.name)

    def prune(self):
        """Forget the oldest directories of instances that have ended."""
        ended = []
        for name in os.listdir(self.root):
            other = Instance(self.root, name)
            if name != self.name and (other.has("exit.json") or other.has("stop")):
                if not other.members():
                    ended.append((os.path.getmtime(other.path), other))
        for _, other in sorted(ended, key=lambda pair: pair[0])[:-KEEP_ENDED]:
            other.forget_secrets()
            for name in os.listdir(other.path):
                other.remove(name)
            os.rmdir(other.path)


# ---------------------------------------------------------------- ports


def reserve(ip, low, high):
    """Bind a free port and keep it: ``(port, socket)``.

    Bound without SO_REUSEADDR the port is free for certain; with the option set afterwards the
    server, which sets it too, can bind beside us as long as nobody listens, and others cannot.
    """
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    address = ip or "0.0.0.0"
    start = int.from_bytes(os.urandom(4), "big")
    count = high - low + 1
    candidates = [low + (start + i) % count for i in range(count)] if low else [0]
    for reuse in (0, 1):  # the second time take ports that old connections still linger on
        for port in candidates:
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
                sock.bind((address, port))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            except OSError as error:
                sock.close()
                if error.errno == 99:  # EADDRNOTAVAIL: trying other ports would not help
                    raise Failed("bind", "this node has no address %s" % address)
                continue
            chosen = sock.getsockname()[1]
            if not listeners(chosen):
                return chosen, sock
            sock.close()
    raise Failed("ports", "no free port between %d and %d" % (low, high))


def check_hub(hub):
    """Fail when the node cannot open a connection to the hub's API (it would wait in vain)."""
    try:
        socket.create_connection((hub["host"], hub["port"]), hub["timeout"]).close()
    except OSError as error:
        raise Failed(
            "hub-unreachable",
            "this node cannot reach the hub at %s: %s" % (hub["url"], error.strerror or error),
        )


# ---------------------------------------------------------------- the processes we make


def environment(request, instance, port):
    """The server's environment as bytes: the login's, less what dies with it, plus the hub's."""
    env = dict(os.environb)
    for name in SESSION_VARIABLES:
        env.pop(name.encode(), None)
    for name, value in request["env"].items():
        env[os.fsencode(name)] = value.encode("utf-8", "surrogateescape")
    url = request["service_url"]
    if url:
        env[b"JUPYTERHUB_SERVICE_URL"] = ("%s%d%s" % (url[0], port, url[1])).encode()
    for item in request["files"]:
        env[item["env"].encode()] = os.fsencode(os.path.join(instance.file(SECRETS), item["name"]))
    return env


def write_files(request, instance):
    if request["files"]:
        os.makedirs(instance.file(SECRETS), mode=0o700, exist_ok=True)
    for item in request["files"]:
        path = os.path.join(instance.file(SECRETS), item["name"])
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as target:
            target.write(item["content"])


def become_server(request, env, gate, report):
    """In the forked child: wait until the supervisor has recorded us, then exec."""
    os.read(gate, 1)
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    argv = request["argv"]
    try:
        os.chdir(os.path.expanduser(request["cwd"]))
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        path = env.get(b"PATH", b"").decode("utf-8", "replace")
        detail = "cannot run %s: %s (PATH on the node is %s)" % (argv[0], error.strerror, path)
        os.write(report, (json.dumps({"exec_error": detail}) + "\n").encode())
    os._exit(127)


def supervise(request, instance, env, port, report, marker):
    """The session's leader: records, starts and outlives the server, and cleans up after it."""
    os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    detach(instance, (report, marker))
    gate, opener = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(opener)
        os.setpgid(0, 0)
        become_server(request, env, gate, report)
    os.close(gate)
    leader = os.getpid()
    record = {
        "leader": leader,
        "leader_ticks": process(leader)[4],
        "pid": pid,
        "ticks": process(pid)[4],
        "port": port,
        "node": socket.gethostname(),
    }
    instance.write("record.json", record)
    os.write(opener, b"g")
    os.close(opener)
    tell(report, record)
    adopt_orphans()
    status = wait_for(pid)
    instance.write("exit.json", {"returncode": status})
    instance.forget_secrets()
    tell(report, {"exit": status})
    sweep(record, instance.name)


def tell(fd, body):
    try:
        os.write(fd, (json.dumps(body) + "\n").encode())
    except OSError:
        pass  # nobody listens any more: the start was confirmed long ago


def detach(instance, keep):
    """Let go of the SSH session: nothing of it may stay open, or it would never end."""
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(instance.file("server.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:
                pass


def adopt_orphans():
    """Become the reaper of all descendants (PR_SET_CHILD_SUBREAPER), so that none gets lost."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    except Exception as error:
        print(
            "sshspawner: processes that leave the session are not followed: %s" % error, flush=True
        )


def wait_for(pid):
    """Reap everything until the server has ended; its exit code, 128+n after a signal."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return 128 + (status & 127) if status & 127 else status >> 8


def sweep(record, name):
    """The server is gone: end what it left behind, kernels and terminals included."""
    for number, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0)):
        until = time.monotonic() + patience
        left = members(record, name)
        for pid, ticks in left.items():
            send(pid, ticks, number)
        while left and time.monotonic() < until:
            time.sleep(POLL)
            while reap():
                pass
            left = members(record, name)


def reap():
    try:
        return os.waitpid(-1, os.WNOHANG)[0]
    except OSError:
        return 0


# ---------------------------------------------------------------- the three requests


def start(request, instance, say):
    """Start the server, once however often this is asked; returns when it listens."""
    instance.create()
    instance.lock("launch.lock", wait=True)  # held until this process ends
    told = instance.read("reply.json")
    if told:
        return told
    if instance.has("stop"):
        raise Failed("stopped", "this start was called off before it began")
    try:
        body = launch(request, instance, say)
    except Failed as failure:
        instance.forget_secrets()
        body = failure.body
    instance.write("reply.json", body)
    return body


def launch(request, instance, say):
    if request["hub"]:
        check_hub(request["hub"])
    instance.prune()
    write_files(request, instance)
    deadline = time.monotonic() + request["ready_timeout"]
    for _ in range(request["port_attempts"]):
        body = attempt(request, instance, say, deadline)
        if body:
            return body
    raise Failed("ports", "every port that was tried got taken by somebody else")


def attempt(request, instance, say, deadline):
    """One try with one port: what to reply, or None when somebody else took the port."""
    low, high = request["ports"] or (0, 0)
    port, reservation = reserve(request["ip"], low, high)
    instance.remove("exit.json")
    env = environment(request, instance, port)
    marker = instance.lock("marker", wait=True)
    os.set_inheritable(marker, True)
    reports, report = os.pipe()
    child = os.fork()
    if not child:
        try:
            supervise(request, instance, env, port, report, marker)
        finally:
            os._exit(0)
    os.close(marker)
    os.close(report)
    try:
        return watch(instance, reports, port, say, deadline)
    finally:
        reservation.close()
        os.close(reports)
        reap()


def watch(instance, reports, port, say, deadline):
    """Follow the child until it listens, ends, is called off, or takes too long."""
    pending = b""
    while True:
        if select.select([reports], [], [], POLL)[0]:
            data = os.read(reports, 65536)
            pending += data
            *lines, pending = pending.split(b"\n")
            events = [json.loads(line) for line in lines]
            if not data:
                events.append({"exit": 0})
            for event in events:
                if "pid" in event:
                    say({"event": "started", "pid": event["pid"], "port": port})
                elif "exec_error" in event:
                    raise Failed("command", event["exec_error"])
                elif squatted(instance, port):
                    return None
                else:
                    raise Failed(
                        "exit",
                        "the server ended before it listened",
                        returncode=event["exit"],
                        tail=instance.tail(),
                    )
        inodes = listeners(port)
        if inodes and owns(instance.members(), inodes):
            return describe(instance.read("record.json"), True)
        if instance.has("stop"):
            end(instance, instance.read("record.json"), NOW)
            raise Failed("stopped", "this start was called off")
        if time.monotonic() > deadline:
            end(instance, instance.read("record.json"), NOW)
            raise Failed("timeout", "the server did not listen in time", tail=instance.tail())


def squatted(instance, port):
    """Whether the server ended because the port was taken, so that another port may do."""
    return bool(listeners(port)) or "already in use" in instance.tail()


def describe(record, listening):
    names = ("leader", "leader_ticks", "pid", "ticks", "port")
    return dict({name: record[name] for name in names}, state="running", listening=listening)


def status(request, instance, say):
    """Running, starting, exited, or absent; an absent instance can never start afterwards."""
    instance.create()
    until = time.monotonic() + request["wait"]
    while True:
        record = instance.read("record.json") or request["known"]
        inside = members(record, instance.name) if record else {}
        if inside:
            listening = owns(inside, listeners(record["port"]))
            if listening or time.monotonic() > until:
                return describe(record, listening)
        elif instance.lock("launch.lock", wait=False) is not None:
            break
        elif time.monotonic() > until:
            return {"state": "starting"}
        time.sleep(POLL)
    record = instance.read("record.json") or request["known"]
    if record and members(record, instance.name):  # it got there while we took the lock
        return describe(record, False)
    if not record:
        instance.write("stop", {})
        return {"state": "absent"}
    return {"state": "exited", "returncode": instance.read("exit.json").get("returncode", 0)}


NOW = (("KILL", signal.SIGKILL, 5.0),)


def stop(request, instance, say):
    """End every process of the instance, and see to it that it cannot start any more."""
    instance.create()
    instance.write("stop", {})
    phases = [(name, getattr(signal, "SIG" + name), wait) for name, wait in request["phases"]]
    used = end(instance, instance.read("record.json") or request["known"], phases)
    instance.lock("launch.lock", wait=True)  # a start under way has seen the tombstone and left
    record = instance.read("record.json") or request["known"]
    used += end(instance, record, NOW)
    instance.forget_secrets()
    code = instance.read("exit.json").get("returncode", 0)
    left = members(record, instance.name) if record else {}
    return {"state": "exited", "returncode": code, "signals": used, "left": len(left)}


def end(instance, record, phases):
    """Escalate; returns the names of the signals that were needed."""
    used = []
    for name, number, patience in phases:
        inside = members(record, instance.name) if record else {}
        if not inside:
            break
        used.append(name)
        for pid, ticks in inside.items():
            if wants(name, pid, record, inside):
                send(pid, ticks, number)
        until = time.monotonic() + patience
        while members(record, instance.name) and time.monotonic() < until:
            if name == "INT" and not alive(record["pid"], record["ticks"]):
                break  # it shut down; what it left behind gets the next signal
            time.sleep(POLL)
    return used


def wants(name, pid, record, inside):
    """INT is for the server's process group alone; the supervisor goes by itself, or last."""
    if pid == record["leader"]:
        return name == "KILL" and len(inside) == 1
    if name == "INT":
        stat = process(pid)
        return bool(stat) and stat[1] == record["pid"]
    return True


REQUESTS = {"start": start, "status": status, "stop": stop}


def main():
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        return  # the hub died in mid-sentence: nothing was asked
    request = json.loads(line)
    os.umask(0o077)

    def say(body):
        data = ("\n@@%s %s\n" % (request["nonce"], json.dumps(body))).encode()
        try:
            while data:
                data = data[os.write(1, data) :]
        except OSError:
            pass  # the hub has gone; it will ask again, and the answer is on disk

    instance = Instance(request["run_dir"], request["instance"])
    try:
        body = REQUESTS[request["op"]](request, instance, say)
    except Failed as failure:
        body = failure.body
    except Exception as error:
        body = {"state": "failed", "kind": "launcher", "detail": repr(error)[:500]}
    say(dict(body, event="reply"))


if __name__ == "__main__":
    main()
