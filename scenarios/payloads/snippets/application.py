"""An application of a user's, at the loopback of a node: says what it sees of a request.

`/echo` answers it as JSON, `/socket` does so as the first message and then repeats what comes, as
the second of the subprotocols that it is offered. `/events` is a stream of server-sent events: the
first, and the next once somebody has asked `/go`; `/endless` one each second, and `/watching` tells
how many read those. `/long?header=N` answers with a header of so many bytes.
"""

import asyncio
import sys

from aiohttp import web

PORT = 9100
EVERY = 1.0
go = asyncio.Event()
watching: set[object] = set()


def seen(request: web.Request) -> dict[str, object]:
    return {"path": request.path_qs, "headers": dict(request.headers)}


async def echo(request: web.Request) -> web.Response:
    return web.json_response(seen(request))


async def socket(request: web.Request) -> web.WebSocketResponse:
    answer = web.WebSocketResponse(protocols=["second"], max_msg_size=0)
    await answer.prepare(request)
    await answer.send_json({**seen(request), "subprotocol": answer.ws_protocol})
    async for message in answer:
        await answer.send_str(str(message.data))
    return answer


async def stream(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    return answer


async def events(request: web.Request) -> web.StreamResponse:
    go.clear()
    answer = await stream(request)
    await answer.write(b"data: first\n\n")
    await go.wait()
    await answer.write(b"data: last\n\n")
    return answer


async def endless(request: web.Request) -> web.StreamResponse:
    answer = await stream(request)
    watching.add(answer)
    try:
        while True:
            await answer.write(b"data: again\n\n")
            await asyncio.sleep(EVERY)
    finally:
        watching.discard(answer)


async def long(request: web.Request) -> web.Response:
    return web.Response(headers={"X-Long": "x" * int(request.query["header"])})


async def release(request: web.Request) -> web.Response:
    go.set()
    return web.Response()


async def count(request: web.Request) -> web.Response:
    return web.json_response(len(watching))


if __name__ == "__main__":
    application = web.Application()
    application.add_routes(
        [
            web.get("/events", events),
            web.get("/endless", endless),
            web.get("/go", release),
            web.get("/long", long),
            web.get("/watching", count),
            web.get("/socket", socket),
            web.get("/{tail:.*}", echo),
        ]
    )
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    web.run_app(application, host="127.0.0.1", port=port)
