"""A way between two hosts that can be cut: passes connections of one port on to another.

argv: the port that listens at every address, and the port of this host where connections go.
"""

import asyncio
import contextlib
import sys


async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    there, back = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(copy(reader, back), copy(there, writer))


async def serve() -> None:
    server = await asyncio.start_server(join, "0.0.0.0", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(serve())
