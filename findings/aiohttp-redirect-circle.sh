#!/bin/sh
# Software: aiohttp 3.14.5 (PyPI).
#
# A good guess: a client that is redirected again and again raises an error whose text says so, as
# requests ("Exceeded 30 redirects") and curl ("Maximum (50) redirects followed") do. Its status is
# that of the last answer, 302: TooManyRedirects is a ClientResponseError, which has one.
#
# What it does: the text is "0, message='', url='…'": status 0, no message, and the address of the
# first request, not that of the circle. Only the class tells what happened, and `history` where.
#
# Seen: with a server that sends every page to itself, str() of the error was that text; its status
# was 0; its history had ten answers, each 302.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with aiohttp==3.14.5

"$python" - <<'EOF'
import asyncio
import sys

from aiohttp import ClientSession, TooManyRedirects, web


async def circle(request):
    raise web.HTTPFound("/again")


async def main():
    app = web.Application()
    app.router.add_get("/{path:.*}", circle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with ClientSession() as session:
            await session.get(f"http://127.0.0.1:{port}/first")
    except TooManyRedirects as error:
        return str(error).replace(str(port), "PORT"), error.status, error.history
    finally:
        await runner.cleanup()


said, status, history = asyncio.run(main())
print("its text:", said)
print("its status:", status)
print("its history:", [answer.status for answer in history])
if said != "0, message='', url='http://127.0.0.1:PORT/first'" or status != 0:
    sys.exit("changed: it said neither that it was redirected nor where")
if {answer.status for answer in history} != {302}:
    sys.exit("changed: its history had the redirects")
EOF
