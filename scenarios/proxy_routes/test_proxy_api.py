"""The proxy's REST API: what it accepts, what it refuses, and what it writes into its log.

Why it matters: across hosts this API must be open to the network (`--api-ip`). Whoever reaches it
and has its token owns every user's traffic; and at log level debug it writes down what it is sent.

Not tried here: in version 5.3 some malformed requests, with and without a token, get no answer
at all and keep their connection open. Let only the hub's host reach this port, and give clients of
the API a timeout.

Sources:
- configurable-http-proxy 5.3, README.md, "Using the REST API": GET, POST, DELETE; the token in
  `Authorization: token …`; `inactive_since`; "GET /api/ API Root"; "This JSON dictionary
  excludes the default route".
- The same, lib/configproxy.js: `authorized`, `jsonHandler` around it, `getRoutes`, `postRoutes`,
  `deleteRoutes`, `handleApiRequest`.
- bin/configurable-http-proxy: without CONFIGPROXY_AUTH_TOKEN "REST API is not authenticated."
"""

from __future__ import annotations

import json
import time
from contextlib import AsyncExitStack
from datetime import datetime

import pytest

from hublab.scenario import ETC, Case, LiveLab, proxy_api, until
from hublab.scenario import OWN_TOKEN as OWN

LEVEL = "proxy.log-level"
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
    proxy = lab.one("proxy").service

    async def log() -> str:
        text = await lab.logs(proxy, since=since)
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
async def test_the_api_accepts_and_refuses_as_documented(lab: LiveLab) -> None:
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
    assert set(table) == {"/"}  # what was refused has left nothing
    for since, paths in (("2000-01-01T00:00:00Z", set()), ("2999-01-01T00:00:00Z", set(table))):
        quiet = await proxy_api(lab, "GET", f"/api/routes?inactive_since={since}")
        assert set(json.loads(quiet.body)) == paths

    # What is written beside the target is kept, and a second POST replaces the first.
    for wanted in ({"target": "http://hub:8081", "mine": 1}, {"target": "http://hub:1"}):
        await proxy_api(lab, "POST", "/api/routes/x", json.dumps(wanted).encode())
        kept = json.loads((await proxy_api(lab, "GET", "/api/routes/x")).body)
        assert datetime.fromisoformat(kept.pop("last_activity"))
        assert kept == wanted
    assert (await proxy_api(lab, "DELETE", "/api/routes/x")).status == 204


@pytest.mark.matrix(LEVEL, ["info", "debug"])
@pytest.mark.finding(
    "At log level debug the whole Authorization of a rejected API request is logged",
    project="configurable-http-proxy",
    steps="--log-level debug; GET /api/routes with a token that is wrong: one that was right "
    "before, one with a slip, or the right one as 'Bearer'.",
    expected="A secret is not written to a log, or shortened (JupyterHub logs '[secret]').",
    seen="'Rejecting API request from: ' and the header as it came (configproxy.js, authorized).",
)
async def test_only_at_debug_a_refused_token_is_logged(lab: LiveLab, case: Case) -> None:
    """A token that was made up for this test, and is nobody's."""
    begun = time.time()
    made_up = "token made-up-for-this-test"
    assert (await proxy_api(lab, "GET", "/api/routes", authorization=made_up)).status == 403
    log = await said(lab, begun, "403 GET /api/routes")
    assert (f"Rejecting API request from: {made_up}" in log) == (case[LEVEL] == "debug")


@pytest.mark.matrix(LEVEL, ["info"])
@pytest.mark.sabotage(LEVEL, "error")
async def test_without_a_token_it_obeys_everybody(lab: LiveLab) -> None:
    """Started without CONFIGPROXY_AUTH_TOKEN it warns once, and obeys everybody.

    The hub does not notice: its own token is as good as any other.
    """
    begun = time.time()
    proxy, file = lab.one("proxy"), f"{ETC}/env/CONFIGPROXY_AUTH_TOKEN"
    async with AsyncExitStack() as back:
        await lab.run(proxy.service, "mv", file, f"{file}.away")
        back.push_async_callback(lab.run, proxy.service, "mv", f"{file}.away", file)
        await lab.programs.end(proxy.service)
        await lab.programs.start(proxy.service)
        await lab.programs.until_ready(proxy.service)
        for authorization in (None, WRONG, "Bearer x", ""):
            for method, target, body, status in (
                ("GET", "/api/routes", None, 200),
                ("POST", "/api/routes/x", GOOD, 201),
                ("DELETE", "/api/routes/x", None, 204),
            ):
                answer = await proxy_api(lab, method, target, body, authorization=authorization)
                assert answer.status == status, (method, authorization)
        await (await lab.hub()).check_routes()
        table = await proxy_api(lab, "GET", "/api/routes", authorization=None)
        assert set(json.loads(table.body)) == {"/"}
        warning = "REST API is not authenticated."
        assert (await said(lab, begun, warning)).count(warning) == 1
