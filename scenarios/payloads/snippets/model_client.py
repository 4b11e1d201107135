"""A client of the Model Context Protocol: lists a server's tools and calls some of them.

argv: the address. Environment: AUTHORIZATION, the header of that name, and CALLS, a JSON list of
[tool, arguments]. Prints a JSON object: `tools`, their names; `answers`, the text of each answer;
or `refused`, the status and the header WWW-Authenticate of a refusal.
"""

import asyncio
import json
import os
import sys

import httpx2  # type: ignore[import-not-found]
from mcp import ClientSession  # type: ignore[import-not-found]
from mcp.client.streamable_http import streamable_http_client  # type: ignore[import-not-found]

refusals: list[list[object]] = []


async def note(answer: httpx2.Response) -> None:
    """Keep the first refusal: the package itself says no more than that something went wrong."""
    if answer.status_code >= 400 and not refusals:
        refusals.append([answer.status_code, answer.headers.get("WWW-Authenticate")])


async def converse() -> dict[str, object]:
    headers = {"Authorization": os.environ["AUTHORIZATION"]}
    hooks = {"response": [note]}
    async with (
        httpx2.AsyncClient(headers=headers, event_hooks=hooks, timeout=120) as http,
        streamable_http_client(sys.argv[1], http_client=http) as (reading, writing),
        ClientSession(reading, writing) as session,
    ):
        await session.initialize()
        tools = await session.list_tools()
        answers = []
        for tool, arguments in json.loads(os.environ.get("CALLS", "[]")):
            answer = await session.call_tool(tool, arguments)
            answers.append("".join(getattr(one, "text", "") for one in answer.content))
        return {"tools": [one.name for one in tools.tools], "answers": answers}


try:
    print(json.dumps(asyncio.run(converse())))
except Exception:
    if not refusals:
        raise
    print(json.dumps({"refused": refusals[0]}))
