"""What a command in a container printed arrives whole, also when it comes with the answer's head.

An engine sends head and output as soon as it has them; a client that is slow finds both at once.
"""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any, ClassVar

import docker
import docker.errors
import pytest

from hublab.engine.api import Engine
from hublab.engine.commands import streams_of
from hublab.errors import EngineError

OUTPUT = struct.pack(">BxxxL", 1, 4) + b"one " + struct.pack(">BxxxL", 2, 3) + b"odd"
OUTPUT += struct.pack(">BxxxL", 1, 4) + b"two\n"


class EngineAnswers(BaseHTTPRequestHandler):
    """As much of an engine as a command needs; head and output of one go out together."""

    protocol_version = "HTTP/1.1"
    inspected: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        seen = self.inspected.pop(0) if len(self.inspected) > 1 else self.inspected[0]
        self.answer_json(seen)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/start"):
            upgraded = "Upgrade" in self.headers
            head = "101 UPGRADED" if upgraded else "200 OK"
            self.wfile.write(f"HTTP/1.1 {head}\r\n\r\n".encode() + OUTPUT)
            self.close_connection = True
        else:
            self.answer_json({"Id": "made"})

    def answer_json(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the console."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Callable[[list[dict[str, Any]]], Engine]]:
    socket = str(tmp_path / "engine.sock")
    server = ThreadingUnixStreamServer(socket, EngineAnswers)
    server.daemon_threads = True  # the SDK keeps its connections open
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def telling(inspected: list[dict[str, Any]]) -> Engine:
        EngineAnswers.inspected = inspected
        return Engine(docker.DockerClient(f"unix://{socket}", version="1.41"), f"unix://{socket}")

    yield telling
    server.shutdown()
    server.server_close()


def test_output_that_comes_with_the_head(
    engine: Callable[[list[dict[str, Any]]], Engine],
) -> None:
    """docker-py#3332: the SDK's own exec_start returns (None, None) here."""
    done = engine([{"Running": False, "ExitCode": 3}]).exec("hub", ["date"], user="alice")
    assert (done.exit_code, done.stdout, done.stderr) == (3, "one two\n", "odd")


def test_an_end_that_is_noted_later(engine: Callable[[list[dict[str, Any]]], Engine]) -> None:
    """Streams that ended are no success yet."""
    running = {"Running": True, "ExitCode": None}
    done = engine([running, running, {"Running": False, "ExitCode": 1}]).exec(
        "hub", ["date"], user="alice"
    )
    assert done.exit_code == 1


def test_an_end_that_is_never_noted(
    engine: Callable[[list[dict[str, Any]]], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hublab.engine.commands.ENDING", 0.2)
    with pytest.raises(EngineError, match="run date in hub: no exit code"):
        engine([{"Running": True, "ExitCode": None}]).exec("hub", ["date"], user="alice")


@pytest.mark.parametrize("content", [OUTPUT[:-1], OUTPUT[:-6], OUTPUT + b"\x01"])
def test_output_that_is_cut_is_no_output(content: bytes) -> None:
    with pytest.raises(docker.errors.DockerException, match="cut short"):
        streams_of(content)


def test_an_error_of_the_engine_in_place_of_output() -> None:
    """Stream 3, moby's `stdcopy.Systemerr`."""
    with pytest.raises(docker.errors.DockerException, match="no more"):
        streams_of(struct.pack(">BxxxL", 3, 8) + b"no more\n")


def test_much_output() -> None:
    """Frames are joined once: added up, 32 MiB in frames of 1 KiB took half a minute."""
    frame = struct.pack(">BxxxL", 1, 1024) + b"x" * 1024
    stdout, stderr = streams_of(frame * 32_768)
    assert (len(stdout), stderr) == (32 * 1024 * 1024, b"")
