"""Two people edit one file in real time while a third writes it by the API; prints what each has.

Runs where pycrdt and tornado are, with the address of a server, a path and TOKEN in the
environment. What two people's pages do is the protocol of y-websocket.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Self

from pycrdt import (  # type: ignore[import-not-found]
    Doc,
    Text,
    YMessageType,
    create_sync_message,
    create_update_message,
    handle_sync_message,
)
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

LONGEST = 30.0
"""Seconds for what is bound to come: a save after 1 s, a look at the file each second."""
BASE, PATH = sys.argv[1:]
HEADERS = {"Authorization": f"token {os.environ['TOKEN']}"}


async def api(method: str, path: str, model: dict[str, Any] | None = None) -> dict[str, Any]:
    body = json.dumps(model) if model is not None else None
    request = HTTPRequest(f"{BASE}api/{path}", method, HEADERS, body)
    found: dict[str, Any] = json.loads((await AsyncHTTPClient().fetch(request)).body)
    return found


async def write(text: str) -> None:
    await api("PUT", f"contents/{PATH}", {"type": "file", "format": "text", "content": text})


async def on_disk() -> str:
    return str((await api("GET", f"contents/{PATH}?type=file&format=text"))["content"])


class Person:
    """Somebody whose page has the document open."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.listening: asyncio.Task[None] | None = None
        self.document = Doc()
        self.source = self.document.get("source", type=Text)

    @classmethod
    async def arrives(cls) -> Self:
        model = {"format": "text", "type": "file"}
        room = await api("PUT", f"collaboration/session/{PATH}", model)
        name = f"{room['format']}:{room['type']}:{room['fileId']}"
        url = f"{BASE}api/collaboration/room/{name}?sessionId={room['sessionId']}"
        request = HTTPRequest(url.replace("http", "ws", 1), headers=HEADERS)
        self = cls(await websocket_connect(request))
        await self.socket.write_message(create_sync_message(self.document), binary=True)
        self.listening = asyncio.create_task(self.listen())
        return self

    async def listen(self) -> None:
        while message := await self.socket.read_message():
            if message[0] == YMessageType.SYNC:
                reply = handle_sync_message(message[1:], self.document)
                if reply:
                    await self.socket.write_message(reply, binary=True)

    async def types(self, words: str) -> None:
        before = self.document.get_state()
        self.source += words
        update = create_update_message(self.document.get_update(before))
        await self.socket.write_message(update, binary=True)

    def has(self) -> str:
        return str(self.source)


async def until(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST
    while not seen():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(0.05)


async def saved(person: Person) -> None:
    """Wait until the file is what somebody has."""
    async with asyncio.timeout(LONGEST):
        while True:
            if await on_disk() == person.has():
                return
            await asyncio.sleep(0.05)


class Events:
    """Somebody who listens to what the server says of what it does."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.overwritten: list[str] = []
        self.listening = asyncio.create_task(self.listen())

    @classmethod
    async def subscribed(cls) -> Self:
        url = f"{BASE}api/events/subscribe".replace("http", "ws", 1)
        return cls(await websocket_connect(HTTPRequest(url, headers=HEADERS)))

    async def listen(self) -> None:
        while message := await self.socket.read_message():
            event = json.loads(message)
            if event.get("action") == "overwrite":
                self.overwritten.append(event["path"])


async def main() -> None:
    events = await Events.subscribed()
    await write("start\n")
    one, other = await Person.arrives(), await Person.arrives()
    await until(lambda: one.has() == other.has() == "start\n")
    await one.types("one\n")
    await until(lambda: "one\n" in other.has())
    await other.types("other\n")
    await until(lambda: "other\n" in one.has())
    together = [one.has(), other.has()]
    await saved(one)
    await one.types("unsaved\n")
    await until(lambda: "unsaved\n" in other.has())
    assert not events.overwritten
    await write("outside\n")
    await until(lambda: one.has() == other.has() == "outside\n")
    await until(lambda: bool(events.overwritten))
    await other.types("after\n")
    await until(lambda: "after\n" in one.has())
    await saved(one)
    found = {"together": together, "in the end": [one.has(), other.has()]}
    print(json.dumps({**found, "overwritten": events.overwritten}))


if __name__ == "__main__":
    asyncio.run(main())
