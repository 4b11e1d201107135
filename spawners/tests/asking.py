"""Asks a launcher through a shell instead of SSH."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyterhub_sshspawner.exchange.protocol import ReplyReader, command_line, request_bytes


def pythons() -> list[str]:
    """Ours, what is on PATH, and what SSHSPAWNER_TEST_PYTHONS adds; those that run."""
    found = [sys.executable, *os.environ.get("SSHSPAWNER_TEST_PYTHONS", "").split(":")]
    found += [shutil.which(f"python3.{minor}") or "" for minor in range(8, 14)]
    return [
        path
        for path in dict.fromkeys(found)
        if path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0
    ]


SERVER = """
import http.server, os, urllib.parse
port = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port
http.server.HTTPServer(("127.0.0.1", port), http.server.BaseHTTPRequestHandler).serve_forever()
"""

Ask = Callable[..., Any]  # a Reply, or the process that will say it


@contextmanager
def asking(tmp_path: Path) -> Iterator[Ask]:
    """Asks for one instance, by default with our own Python. Stops it at the end."""
    python = [sys.executable]

    def question(op: str, wait: bool = True, use: str = "", sh: str = "", **body: Any) -> Any:
        python[0] = use or python[0]
        reader = ReplyReader("nonce")
        request = {
            "instance": "abc123", "run_dir": str(tmp_path / "run"), "known": None, "fallback": "",
            "env": {}, "argv": [sys.executable, "-c", SERVER], "cwd": "/", "files": [],
            "ip": "127.0.0.1", "ports": None, "port_attempts": 3, "hub": None,
            "service_url": ["http://127.0.0.1:", "/"], "ready_timeout": 10.0, "wait": 0,
            "phases": [["INT", 2], ["TERM", 2], ["KILL", 2]], **body,
        }  # fmt: skip
        process = subprocess.Popen(
            ["sh", "-c", sh + command_line(python[0])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin
        assert process.stdout
        process.stdin.write(request_bytes(op, "nonce", request))
        process.stdin.close()
        if not wait:
            return process
        reader.feed(process.stdout.read())
        process.wait(10)
        assert reader.reply
        return reader.reply

    try:
        yield question
    finally:
        question("stop", phases=[])
