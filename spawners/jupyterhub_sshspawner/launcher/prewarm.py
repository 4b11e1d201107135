"""Starts a warm parent of the user's own (see ``warm``): one for each node, and only one."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time

from .descriptors import arrange
from .instance import Failed, Instance, boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn

FOLDER = "warm"  # beside the instances, whose names are longer
COMMAND = "jupyterhub-singleuser"
POLL = 0.05


def own_socket(root: str) -> str:
    """Where it listens. A home may be the same on several nodes, while a boot is of one."""
    return os.path.join(root, FOLDER, boot()[:8] + ".sock")


def prewarm(
    request: dict[str, Any], instance: Instance, say: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Have one that listens; returns when it does, at once if there is one."""
    instance.create(to_start=True)
    path = own_socket(instance.root)
    name = os.path.basename(path)
    python = _interpreter(request["argv"][0])
    # its parent holds it as long as it lives
    lock = instance.lock(name + ".lock", wait=False)
    if lock is not None:
        program = instance.file(name + ".py")
        with open(program, "w") as target:
            target.write(request["program"])
        told = {
            "python": python, "program": program, "socket": path, "first": python, "listener": -1,
            "servers": request["servers"], "age": request["age"], "memory": request["memory"],
            "unchecked": True,
        }  # fmt: skip
        if not os.fork():
            _become_parent(instance, name, python, told, lock)
        os.close(lock)
    return _answering(instance, path, request["until"])


def _interpreter(command: str) -> str:
    """The Python of the environment that a server would run in."""
    found = shutil.which(command)
    if not found or os.path.basename(found) != COMMAND:
        raise Failed("command", "%s is not there, or no %s" % (command, COMMAND))
    with open(found, "rb") as script:
        first = os.fsdecode(script.readline()).strip()
    if not first.startswith("#!/"):
        raise Failed("command", "%s is no script of a Python" % found)
    return first[2:].strip()


def _become_parent(
    instance: Instance, name: str, python: str, told: dict[str, Any], lock: int
) -> NoReturn:
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        log = os.open(instance.file(name + ".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        arrange(null, log, log, lock)
        os.execve(python, [python, "-IS", told["program"], json.dumps(told)], {})
    finally:
        os._exit(1)


def _answering(instance: Instance, path: str, deadline: float) -> dict[str, Any]:
    name = os.path.basename(path)
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            folder = os.open(instance.path, os.O_PATH | os.O_DIRECTORY)
            try:
                if connection.connect_ex("/proc/self/fd/%d/%s" % (folder, name)) == 0:
                    return {"state": "prewarmed"}
            finally:
                os.close(folder)
        if instance.lock(name + ".lock", wait=False) is not None:
            raise Failed("launcher", "the parent has ended: %s" % _last_words(instance, name))
        if time.monotonic() > deadline:
            raise Failed("timeout", "the parent does not listen yet")
        time.sleep(POLL)


def _last_words(instance: Instance, name: str) -> str:
    try:
        with open(instance.file(name + ".log"), errors="replace") as log:
            return log.read()[-1000:].strip()
    except OSError:
        return ""
