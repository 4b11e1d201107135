"""Stands for jupyterhub-singleuser where its 1.5 s of imports would prove nothing.

Listens where JUPYTERHUB_SERVICE_URL says, as Tornado does (SO_REUSEADDR), answers everything with
200, and writes its environment and arguments beside itself. ``--children`` starts the kinds of
process that a notebook server leaves behind; with ``--hold`` it listens once a file ``listen`` is
there.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Handler(BaseHTTPRequestHandler):
    """Answers anything."""

    def do_GET(self) -> None:
        body = b'{"version": "tiny"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        print("request", self.client_address[0], self.path, flush=True)


def dump(name: str) -> None:
    """The environment as bytes, NUL-separated, whole or not at all."""
    with open(name + ".new", "wb") as target:
        for key, value in os.environb.items():
            target.write(key + b"=" + value + b"\0")
    os.replace(name + ".new", name)


def main() -> None:
    if "--stubborn" in sys.argv:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    if "--exit" in sys.argv:
        print("last words: the flux capacitor is missing", flush=True)
        print("token", os.environ["JUPYTERHUB_API_TOKEN"], flush=True)
        sys.exit(3)
    dump("environment" + os.environ.get("JUPYTERHUB_SERVER_NAME", ""))
    if "--children" in sys.argv:
        subprocess.Popen(["sleep", "7001"], start_new_session=True)  # as a kernel
        subprocess.Popen(["sh", "-c", "setsid sleep 7002 & exit"])  # as a daemon
        subprocess.Popen(["sh", "-c", "trap '' INT TERM; sleep 7003 & wait; wait"])
    while "--hold" in sys.argv and not os.path.exists("listen"):
        time.sleep(0.01)
    url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    ThreadingHTTPServer.daemon_threads = True
    if ":" in (url.hostname or ""):
        ThreadingHTTPServer.address_family = socket.AF_INET6
    ThreadingHTTPServer((url.hostname or "", url.port or 80), Handler).serve_forever()


if __name__ == "__main__":
    main()
