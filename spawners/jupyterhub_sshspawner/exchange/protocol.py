"""What is said to the launcher, and what may be believed of its answer.

The command line is a constant that means the same to sh, csh and fish; everything else, secrets
included, goes over stdin: the launcher's source as one line of ASCII, then the request as another.
(``python3 -`` would take all of stdin for source.) Its answer comes from an account that belongs to
the user, so it is treated as hostile: found by a nonce, limited in size, checked field by field.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import zlib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from .. import launcher
from ..errors import BadReply, Misconfigured
from ..launcher import ORDER, PROGRAMS

MAX_LINE = 64 * 1024
MAX_NOISE = 1024 * 1024
PID_MAX = 2**22
FAILURES = frozenset(
    [
        "run-dir",
        "bind",
        "ports",
        "hub-unreachable",
        "command",
        "exit",
        "stopped",
        "timeout",
        "launcher",
        "other-node",
        "python",
        "exposed",
        "home",
        "ticket",
    ]
)
_SAFE_PATH = re.compile(r"[A-Za-z0-9_./+][A-Za-z0-9_./+-]*")


def command_line(python: str) -> str:
    """The one command that is ever run: constant, no secrets, valid in every login shell."""
    if not _SAFE_PATH.fullmatch(python):
        raise Misconfigured(f"SSHSpawner.remote_python is no plain path: {python!r}")
    # -I: neither PYTHON* variables nor files in the home directory can replace our imports
    return f'exec {python} -IS -c "import sys; exec(sys.stdin.readline())"'


@cache
def launcher_line() -> bytes:
    """The launcher's modules as one line of Python in plain ASCII that loads and runs them."""
    where = resources.files(launcher)
    names = dict.fromkeys([*ORDER, *PROGRAMS])
    sources = {name: where.joinpath(f"{name}.py").read_text("utf-8") for name in names}
    packed = base64.b64encode(zlib.compress(json.dumps(sources).encode(), 9)).decode()
    loader = _LOADER.replace("ORDER", repr(ORDER)).replace("PACKED", packed)
    return f"exec({loader!r})\n".encode("ascii")


# Read by Pythons that are too old for the launcher, too.
_LOADER = """
import base64, json, sys, types, zlib
if sys.version_info < (3, 8):
    version = "%d.%d" % tuple(sys.version_info[:2])
    detail = "Python 3.8 or later is needed on the node (remote_python), this is " + version
    reply = {"event": "reply", "state": "failed", "kind": "python", "detail": detail}
    print("\\n@@%s %s" % (json.loads(sys.stdin.readline())["nonce"], json.dumps(reply)))
    sys.exit(0)
package = sys.modules["launcher"] = types.ModuleType("launcher")
package.__path__ = []
package.programs = json.loads(zlib.decompress(base64.b64decode("PACKED")).decode())
for name in ORDER:
    module = sys.modules["launcher." + name] = types.ModuleType("launcher." + name)
    module.__package__ = "launcher"
    exec(compile(package.programs[name], "launcher/" + name, "exec"), module.__dict__)
module.main()
"""


def request_bytes(op: str, nonce: str, body: dict[str, Any], launcher: bool = True) -> bytes:
    """What is written to stdin, with the launcher before it unless that has been sent.

    Before a poll's launcher comes what may answer it sooner; the node then leaves the rest unread.
    Not where a poll has more to do than to tell: a ``ticket`` to renew.
    """
    quick = op == "status" and body.get("known") and not body.get("ticket")
    first = quick_line(nonce, body["instance"], body["known"]) if quick else b""
    sources = first + launcher_line() if launcher else b""
    return sources + _line({**body, "op": op, "nonce": nonce})


@cache
def _quick() -> str:
    return resources.files(launcher).joinpath("quick.py").read_text("utf-8")


def quick_line(nonce: str, instance: str, known: dict[str, int]) -> bytes:
    """A line of Python that answers a poll if it can, and else goes on to the line after it."""
    call = f"poll({nonce!a}, {instance!a}, {known!a}) or exec(sys.stdin.readline())"
    return f"exec({_quick()!a}); {call}\n".encode("ascii")


def opening_bytes(nonce: str) -> bytes:
    """The launcher, which says hello and waits for a request."""
    return launcher_line() + _line({"nonce": nonce, "more": True})


def _line(body: dict[str, Any]) -> bytes:
    # ensure_ascii keeps the node's locale out of it
    return json.dumps(body, ensure_ascii=True).encode() + b"\n"


def new_nonce() -> str:
    """A tag that the login shell's own output cannot contain by chance."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Process:
    """The server as the node knows it: enough never to take another process for it."""

    pid: int
    ticks: int
    leader: int
    leader_ticks: int
    port: int
    device: int = 0  # of the marker that it holds open, and inode
    inode: int = 0


@dataclass(frozen=True)
class Stage:
    """What the launcher is about to do, in case that it never comes back from it."""

    name: str
    what: str

    @classmethod
    def of(cls, event: dict[str, Any]) -> Stage | None:
        """The stage that an event tells of, if it does."""
        if event.get("event") != "stage" or not isinstance(event.get("stage"), str):
            return None
        return cls(event["stage"], told(event, "what"))


@dataclass(frozen=True)
class Reply:
    """The launcher's last word."""

    state: str
    process: Process | None = None
    listening: bool = False
    returncode: int = 0
    kind: str = ""
    detail: str = ""
    tail: str = ""
    hint: str = ""
    signals: tuple[str, ...] = ()
    left: int = 0


@dataclass
class ReplyReader:
    """Finds the tagged lines in a stream that may say anything else as well."""

    nonce: str
    reply: Reply | None = None
    noise: bytes = b""
    greeted: bool = False  # the launcher has run, whatever came of it
    _seen: int = 0
    _rest: bytes = b""
    _tag: bytes = field(init=False)

    def __post_init__(self) -> None:
        self._tag = f"@@{self.nonce} ".encode()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take output; returns events on the way, and sets ``reply`` when it has come."""
        self._seen += len(data)
        if self._seen > MAX_NOISE:
            raise BadReply(f"the node sent more than {MAX_NOISE} bytes and no reply")
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE and self._rest.startswith(self._tag):
            raise BadReply("the launcher's reply is too long")
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, line: bytes) -> dict[str, Any] | None:
        if not line.startswith(self._tag) or self.reply is not None:
            self.noise = (self.noise + line + b"\n")[-4096:]
            return None
        self.greeted = True
        body = _decode(line[len(self._tag) :])
        if body.get("event") == "reply":
            self.reply = parse_reply(body)
            return None
        return body


def _decode(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise BadReply("the launcher's reply is too long")
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadReply("the launcher's reply is not JSON") from error
    if not isinstance(body, dict):
        raise BadReply("the launcher's reply is not an object")
    return body


def parse_reply(body: dict[str, Any]) -> Reply:
    """Check a reply field by field; whatever is out of range is no reply at all."""
    state = body.get("state")
    if state in ("starting", "absent", "listed", "prewarmed"):
        return Reply(state)
    if state == "log":
        return Reply(state, tail=_text(body, "tail"))
    if state == "running":
        return Reply(state, process=_process(body), listening=body.get("listening") is True)
    if state == "exited":
        signals = body.get("signals", [])
        if not isinstance(signals, list) or not set(map(str, signals)) <= {"INT", "TERM", "KILL"}:
            raise BadReply("the launcher's reply names unknown signals")
        code = _number(body, "returncode", 0, 255, default=0)
        left = _number(body, "left", 0, PID_MAX, default=0)
        return Reply(state, returncode=code, signals=tuple(signals), left=left)
    if state == "failed":
        return _failure(body)
    raise BadReply("the launcher's reply has an unknown state")


def told(event: dict[str, Any], name: str) -> str:
    """A word of an event, fit to be shown on one line."""
    return " ".join(_text(event, name).split())[:300]


def _failure(body: dict[str, Any]) -> Reply:
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in FAILURES:
        raise BadReply("the launcher failed in an unknown way")
    return Reply(
        "failed",
        kind=kind,
        detail=" ".join(_text(body, "detail").split()),
        tail=_text(body, "tail"),
        hint=" ".join(_text(body, "hint").split())[:1000],
        returncode=_number(body, "returncode", 0, 255, default=0),
    )


def _process(body: dict[str, Any]) -> Process:
    return Process(
        pid=_number(body, "pid", 2, PID_MAX),
        ticks=_number(body, "ticks", 0, 2**63),
        leader=_number(body, "leader", 2, PID_MAX),
        leader_ticks=_number(body, "leader_ticks", 0, 2**63),
        port=_number(body, "port", 1, 65535),
        device=_number(body, "device", 0, 2**64, default=0),
        inode=_number(body, "inode", 0, 2**64, default=0),
    )


def _number(
    body: dict[str, Any], name: str, low: int, high: int, default: int | None = None
) -> int:
    value = body.get(name, default)
    if type(value) is not int or not low <= value <= high:
        raise BadReply(f"the launcher's reply has an impossible {name}")
    return value


_CONTROL = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise BadReply(f"the launcher's reply has an impossible {name}")
    # nothing that moves a terminal's cursor, and nothing that cannot be encoded
    return _CONTROL.sub("\ufffd", value)
