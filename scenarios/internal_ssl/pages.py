"""Servers started from a page: past the proxy the hub talks to its own components alone."""

from __future__ import annotations

import json
from typing import Any

from hublab.scenario import LiveLab, Visitor, until


async def call(visitor: Visitor, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """One call of the hub's REST API by a page, through the proxy."""
    url = visitor.origin / "hub/api" / path
    headers = visitor.xsrf(visitor.origin / "hub/home")
    async with visitor.session.request(method, url, headers=headers, json=body) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else None


async def ask_for_server(alice: Visitor, host: str = "node1") -> int:
    """Have her page start her server on a node; the status of the answer."""
    return (await call(alice, "POST", "users/alice/server", {"host": host}))[0]


async def started(lab: LiveLab, alice: Visitor, host: str = "node1") -> str:
    """Start alice's server on a node by her page; host and port of its own."""
    admin = await lab.sign_in("admin")
    assert await ask_for_server(alice, host) in (201, 202)

    async def state() -> dict[str, Any]:
        _, model = await call(admin, "GET", "users/alice/server")
        return model["state"] if model["ready"] else {}

    where = await until(state, what="alice's server ready")
    return f"{where['address']}:{where['port']}"


async def does_it_start(alice: Visitor) -> bool:
    """Start her server; whether it gets ready, or the start fails."""
    await ask_for_server(alice)
    return await has_started(alice)


async def has_started(alice: Visitor) -> bool:
    """Whether her server is ready, as soon as nothing of it is pending."""

    async def done() -> str:
        _, user = await call(alice, "GET", "users/alice")
        model = user["servers"].get("")
        if model is None:
            return "failed"
        return "" if model["pending"] else "ready"

    return await until(done, what="the end of what is pending") == "ready"


async def told(alice: Visitor) -> str:
    """What her page is told of a start that has failed."""
    url = alice.origin / "hub/api/users/alice/server/progress"
    async with alice.session.get(url, headers=alice.xsrf(alice.origin / "hub/home")) as answer:
        return await answer.text()
