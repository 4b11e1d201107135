"""The proxy's REST API: what it takes, what it refuses, and what it never answers.

Why it matters: across hosts this API must be open to the network (`--api-ip`). Whoever reaches it
and has its token owns every user's traffic; whoever only reaches it can still make it hold
connections that are never answered, and at log level debug it writes down what it is sent.

Sources:
- configurable-http-proxy 5.3, README.md, "Using the REST API": GET, POST, DELETE; the token in
  `Authorization: token …`; `inactive_since`; "GET /api/ API Root"; "This JSON dictionary
  excludes the default route"; "DELETE /api/routes/[:path]".
- The same, lib/configproxy.js: `authorized` (`/token\\s+(\\S+)/`), `jsonHandler` around it,
  `getRoutes`, `postRoutes`, `deleteRoutes`, `handleApiRequest`, `logErrors` (logs, no answer).
- bin/configurable-http-proxy: without CONFIGPROXY_AUTH_TOKEN "REST API is not authenticated."
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack

import pytest

from hublab.cases.matrix import Case
from hublab.errors import Undecided
from hublab.probes.proxy_api import OWN, proxy_api
from hublab.probes.waiting import until
from hublab.running import programs
from hublab.running.lab import ETC, PROXY_TOKEN
from hublab.running.live import LiveLab
from hublab.running.readiness import wait_until_listening

LEVEL = "proxy.log-level"
SILENCE = 4.0
"""Seconds in which no answer comes to what is never answered; others take milliseconds."""
WRONG = "token not-the-one"
GOOD = b'{"target": "http://hub:8081", "mine": 1}'

pytestmark = pytest.mark.topology("lab")

# Method, target, body, authorization, and the status. In this order: one route comes and goes.
CALLS: list[tuple[str, str, bytes | None, str | None, int]] = [
    ("GET", "/api/routes", None, OWN, 200),
    ("GET", "/api/routes/", None, OWN, 200),
    ("GET", "/api/routes", None, None, 403),
    ("GET", "/api/routes", None, WRONG, 403),
    ("GET", "/api/routes", None, "Bearer OWN", 403),
    ("GET", "/api/routes", None, "x token   OWN y", 200),  # the pattern is not anchored
    ("GET", "/api/routes/nosuch", None, OWN, 404),
    ("POST", "/api/routes/x", b"{", None, 400),  # the body is read before the token
    ("POST", "/api/routes/x", b"{", OWN, 400),
    ("POST", "/api/routes/x", b"{}", None, 403),
    ("POST", "/api/routes/x", b"{}", OWN, 400),
    ("POST", "/api/routes/x", b'{"target": 5}', OWN, 400),
    ("POST", "/api/routes/x/", GOOD, OWN, 201),
    ("GET", "/api/routes/x", None, OWN, 200),
    ("GET", "/api/routes/x/", None, OWN, 200),
    ("DELETE", "/api/routes/x", None, WRONG, 403),
    ("DELETE", "/api/routes/x", None, OWN, 204),
    ("DELETE", "/api/routes/x", None, OWN, 404),
    ("GET", "/api/routes?inactive_since=nonsense", None, OWN, 400),
    *((method, "/api/routes/x", b"{}", OWN, 405) for method in ("PUT", "PATCH", "OPTIONS")),
    ("PUT", "/api/routes/x", b"{}", None, 405),  # the method before the token
    ("HEAD", "/api/routes", None, OWN, 405),
    ("GET", "/", None, None, 404),
]


async def said(lab: LiveLab, since: float, last: str) -> str:
    """The proxy's log since a moment, once these words are in it."""
    proxy = lab.lab.one("proxy").id

    async def log() -> str:
        text = await asyncio.to_thread(lab.lab.engine.logs, proxy, since=since)
        return text if last in text else ""

    return await until(log, what=f"{last!r} in the proxy's log")


@pytest.mark.sabotage("hub.JupyterHub.hub_routespec", "/hub/")
@pytest.mark.finding(
    "README: 'GET /api/' is no root of the API, and the default route is in the table",
    project="configurable-http-proxy",
    steps="With the token: GET /api/ and GET /api/routes while there is a route for /.",
    expected="An API root at /api/ (README, 'REST API Basics'); a dictionary that 'excludes the "
    "default route' ('Getting the routing table').",
    seen="404 for /api/; '/' is among the routes. JupyterHub relies on that (check_routes).",
)
async def test_what_it_takes(lab: LiveLab) -> None:
    """The whole table, one after the other, on a proxy with the hub's route alone."""
    wrong = []
    for method, target, body, authorization, status in CALLS:
        answer = await proxy_api(lab, method, target, body, authorization=authorization)
        if answer.status != status:
            wrong.append(f"{method} {target} {body!r}: {answer.status}, not {status}")
    assert not wrong, "\n".join(wrong)

    assert (await proxy_api(lab, "GET", "/api/")).status == 404
    table = json.loads((await proxy_api(lab, "GET", "/api/routes")).body)
    assert table["/"]["hub"]
    for since, paths in (("2000-01-01T00:00:00Z", set()), ("2999-01-01T00:00:00Z", set(table))):
        quiet = await proxy_api(lab, "GET", f"/api/routes?inactive_since={since}")
        assert set(json.loads(quiet.body)) == paths


@pytest.mark.matrix(LEVEL, ["info"])
@pytest.mark.sabotage(LEVEL, "error")
@pytest.mark.finding(
    "Requests that make the API's handler throw are never answered, without a token too",
    project="configurable-http-proxy",
    steps="GET http://PROXY:8001/api/routes/%zz and GET //, without a token; DELETE /api/routes "
    "with the token.",
    expected="400 or 404; README has 'DELETE /api/routes/[:path]', the path in brackets.",
    seen="The connection stays open and nothing comes: `logErrors` in configproxy.js logs 'Error "
    "in handler for' and leaves the response open (decodeURIComponent, new URL and trimPrefix of "
    "undefined throw). On the public port the same URLs are 500.",
)
async def test_what_it_never_answers(lab: LiveLab) -> None:
    """Three requests, each given a time that is long for an answer; then an ordinary one."""
    begun = time.time()
    silent = [("GET", "/api/routes/%zz", None), ("GET", "//", None), ("DELETE", "/api/routes", OWN)]
    for method, target, authorization in silent:
        with pytest.raises(Undecided, match="no answer within"):
            await proxy_api(lab, method, target, authorization=authorization, timeout=SILENCE)
    assert (await proxy_api(lab, "GET", "/api/routes/ordinary")).status == 404
    log = await said(lab, begun, "404 GET /api/routes/ordinary")
    assert "Error in handler for GET /api/routes/%zz" in log


@pytest.mark.matrix(LEVEL, ["info", "debug"])
@pytest.mark.finding(
    "At log level debug the whole Authorization of a rejected API request is logged",
    project="configurable-http-proxy",
    steps="--log-level debug; GET /api/routes with a token that is wrong: one that was right "
    "before, one with a slip, or the right one as 'Bearer'.",
    expected="A secret is not written to a log, or shortened (JupyterHub logs '[secret]').",
    seen="'Rejecting API request from: ' and the header as it came (configproxy.js, authorized).",
)
async def test_what_it_logs(lab: LiveLab, case: Case) -> None:
    """A token that was made up for this test, and is nobody's."""
    begun = time.time()
    made_up = "token made-up-for-this-test"
    assert (await proxy_api(lab, "GET", "/api/routes", authorization=made_up)).status == 403
    log = await said(lab, begun, "403 GET /api/routes")
    assert (f"Rejecting API request from: {made_up}" in log) == (case[LEVEL] == "debug")


@pytest.mark.matrix(LEVEL, ["info"])
@pytest.mark.sabotage(LEVEL, "error")
async def test_without_a_token_of_its_own(lab: LiveLab) -> None:
    """Started without CONFIGPROXY_AUTH_TOKEN it warns once, and obeys everybody.

    The hub does not notice: its own token is as good as any other.
    """
    begun = time.time()
    proxy, file = lab.lab.one("proxy"), f"{ETC}/{PROXY_TOKEN}"
    async with AsyncExitStack() as back:
        await lab.run(proxy.service, "mv", file, f"{file}.away")
        back.push_async_callback(lab.run, proxy.service, "mv", f"{file}.away", file)
        await asyncio.to_thread(programs.kill_if_up, lab.lab, proxy.service)
        await asyncio.to_thread(programs.start, lab.lab, proxy.service)
        await wait_until_listening(lab.lab, proxy.service)
        for authorization in (None, WRONG, "Bearer x", ""):
            answer = await proxy_api(lab, "GET", "/api/routes", authorization=authorization)
            assert answer.status == 200, authorization
        await (await lab.hub()).check_routes()
        table = await proxy_api(lab, "GET", "/api/routes", authorization=None)
        assert set(json.loads(table.body)) == {"/"}
        await said(lab, begun, "REST API is not authenticated.")
