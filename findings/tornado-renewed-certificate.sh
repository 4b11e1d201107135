#!/bin/sh
# Software: tornado 6.6.1 (PyPI).
#
# A good guess: an HTTPS server reads its certificate when it starts. A renewed file is served only
# after a restart, however the server was configured.
#
# What it does: ssl_options given as a dict (which is how jupyter_server gives certfile and
# keyfile) is made into an SSL context for each connection, so the files are read at each one: a
# renewed certificate is served from the next connection on. An SSLContext keeps what it has read.
# The price is reading and parsing the files for every connection, and a moment between the
# writing of the two files in which they do not belong together.
#
# Seen: dict: first certificate "old", after the renewal "new"; SSLContext: "old", "old".
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
need openssl
python_with tornado==6.6.1

for name in old new; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj "/CN=$name" -keyout "$work/$name.key" -out "$work/$name.crt" 2>"$work/openssl.log" ||
        cannot "openssl makes no certificate"
done
cd "$work"

"$python" - <<'EOF'
import asyncio
import shutil
import socket
import ssl
import sys
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application


def install(name):
    shutil.copy(f"{name}.crt", "used.crt")
    shutil.copy(f"{name}.key", "used.key")


def served(port):
    """Which of the two certificates a new connection gets."""
    anything = ssl.create_default_context()
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE
    with anything.wrap_socket(socket.create_connection(("127.0.0.1", port), 5)) as connection:
        der = connection.getpeercert(binary_form=True)
    return {
        ssl.PEM_cert_to_DER_cert(Path(f"{name}.crt").read_text()): name for name in ("old", "new")
    }[der]


async def around_a_renewal(ssl_options):
    server = HTTPServer(Application([]), ssl_options=ssl_options)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    before = await asyncio.to_thread(served, port)
    install("new")
    after = await asyncio.to_thread(served, port)
    server.stop()
    return before, after


install("old")
by_dict = asyncio.run(around_a_renewal({"certfile": "used.crt", "keyfile": "used.key"}))
install("old")
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain("used.crt", "used.key")
by_context = asyncio.run(around_a_renewal(context))
print("dict:", *by_dict, "  SSLContext:", *by_context)
if (by_dict, by_context) != (("old", "new"), ("old", "old")):
    sys.exit("changed: the dict served the renewed certificate, the context did not")
EOF
