#!/bin/sh
# Software: aiohttp_socks 0.12.0 with aiohttp 3.14.5 (PyPI).
#
# A good guess: the connector's errors are aiohttp.ClientError, as those of aiohttp's own connectors
# are, so code that handles those goes on working behind a SOCKS proxy. At least ProxyError is the
# base of ProxyConnectionError and ProxyTimeoutError, as the names suggest.
#
# What it does: three classes side by side, each directly below Exception: no ClientError, no
# OSError, no TimeoutError, and `except ProxyError` catches neither of the others.
#
# Seen: a proxy that is down raised ProxyConnectionError; none of aiohttp.ClientError, OSError,
# ProxyError is among its bases.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with aiohttp_socks==0.12.0 aiohttp==3.14.5

"$python" - <<'EOF'
import asyncio
import socket
import sys

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError


async def ask_through_a_proxy_that_is_down(port):
    connector = ProxyConnector.from_url(f"socks5://127.0.0.1:{port}")
    async with aiohttp.ClientSession(connector=connector) as session:
        try:
            await session.get("http://127.0.0.1:9/")
        except Exception as error:
            return error


with socket.socket() as nobody:
    nobody.bind(("127.0.0.1", 0))
    raised = asyncio.run(ask_through_a_proxy_that_is_down(nobody.getsockname()[1]))
print("a proxy that is down:", type(raised).__name__)
if not isinstance(raised, ProxyConnectionError):
    sys.exit("changed: it was a ProxyConnectionError")
for error in (ProxyError, ProxyConnectionError, ProxyTimeoutError):
    print(f"{error.__name__} is a", ", ".join(base.__name__ for base in error.__bases__))
    if error.__bases__ != (Exception,):
        sys.exit("changed: each stood directly below Exception")
EOF
