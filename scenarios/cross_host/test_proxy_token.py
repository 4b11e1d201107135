"""The proxy's token and address: hub and proxy must agree, and only one disagreement is silent.

Why it matters: with the proxy on a host of its own its token is a secret that has to be brought
to two places, and its API is open to the whole network. A hub with the wrong one does not start.
A proxy without one starts, and anybody who reaches its port decides what every user sees.

Sources:
- JupyterHub documentation, "Running proxy separately from the hub": `should_start = False`,
  `api_url`, and the same CONFIGPROXY_AUTH_TOKEN on both sides.
- jupyterhub/proxy.py, `ConfigurableHTTPProxy.__init__`: an empty token with an external proxy is
  an error; `api_request`: answers below 500 are not tried again, refused connections for 30 s,
  a tenth more or less (utils.py, `exponential_backoff`); jupyterhub/app.py, `start`: the routes
  are asked for before the hub listens.
- configurable-http-proxy's README: "CONFIGPROXY_AUTH_TOKEN"; bin/configurable-http-proxy: without
  it "REST API is not authenticated"; lib/configproxy.js, `authorized`: a wrong one is 403.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from hublab.scenario import ETC, Case, File, HubError, LabError, LiveLab, diagnose, look, reach

TOKEN = "hub.ConfigurableHTTPProxy.auth_token"
API = "hub.ConfigurableHTTPProxy.api_url"
GONE = "the hub has ended"
"""What `reach` says of every way to a hub that is not there."""
TOKEN_FILE = "env/CONFIGPROXY_AUTH_TOKEN"
STAMP = re.compile(r"^\[\w ([-\d]+ [:\d]+\.\d+) ", re.MULTILINE)
AGAIN, JITTER, SLACK = 30, 3, 12
"""Seconds for which the hub asks again, a tenth to each side, and what a busy hub may add."""

pytestmark = pytest.mark.topology("lab")

LAST_WORDS = {
    "wrong": "403",
    "": "auth_token or CONFIGPROXY_AUTH_TOKEN env is required",
}


def logged_for(log: str) -> float:
    """Seconds from the first line of a hub's log to the last."""
    times = [datetime.fromisoformat(stamp) for stamp in STAMP.findall(log)]
    return (times[-1] - times[0]).total_seconds()


@pytest.mark.may_refuse
@pytest.mark.matrix(TOKEN, list(LAST_WORDS))
async def test_a_hub_with_another_token_ends_and_says_so(lab: LiveLab, case: Case) -> None:
    """It ends at once and says so; `reach`, which shows no token, finds nothing but that amiss."""
    assert lab.refusal is not None
    assert (lab.refusal.role, lab.refusal.code) == ("hub", 1)
    assert LAST_WORDS[str(case[TOKEN])] in lab.refusal.log
    assert "retrying" not in lab.refusal.log
    assert logged_for(lab.refusal.log) < SLACK
    broken = [hop for hop in diagnose(await reach(lab)) if not hop.ok]
    assert {hop.source for hop in broken} == {"proxy", "node1", "node2"}
    assert all(GONE in str(hop.error) for hop in broken)


@pytest.mark.may_refuse
@pytest.mark.matrix(API, ["http://proxy:8000"])
@pytest.mark.sabotage(API, "http://proxy:8001")
async def test_the_proxys_public_port_is_no_api(lab: LiveLab) -> None:
    """The proxy's other port answers, with 404: that is final, and `reach` says it too."""
    assert lab.refusal is not None
    assert lab.refusal.code == 1
    assert "api_request to proxy failed: 404" in lab.refusal.log
    assert "retrying" not in lab.refusal.log
    (hop,) = [
        hop for hop in diagnose(await reach(lab)) if not hop.ok and GONE not in str(hop.error)
    ]
    assert (hop.source, hop.status) == ("hub", 404)


@pytest.mark.slow
@pytest.mark.may_refuse
@pytest.mark.matrix(API, ["http://127.0.0.1:8001", "http://proxy.elsewhere.lab:8001"])
@pytest.mark.sabotage(API, "http://proxy:8001")
async def test_a_hub_without_a_proxy_api_ends_after_30_seconds(lab: LiveLab, case: Case) -> None:
    """Unshortened: the hub asks again for 30 s, and ends; the setting is named by `reach`."""
    assert lab.refusal is not None
    assert lab.refusal.code == 1
    assert len(re.findall("connection error .*retrying", lab.refusal.log)) >= 3
    assert AGAIN - JITTER <= logged_for(lab.refusal.log) <= AGAIN + JITTER + SLACK
    (hop,) = [
        hop for hop in diagnose(await reach(lab)) if not hop.ok and GONE not in str(hop.error)
    ]
    assert (hop.source, hop.setting) == ("hub", API)


@asynccontextmanager
async def proxy_token(lab: LiveLab, token: str) -> AsyncIterator[None]:
    """The proxy restarted with another token than the hub has, for a block; empty: with none."""
    proxy = lab.one("proxy")
    own = await lab.run(proxy.service, "cat", f"{ETC}/{TOKEN_FILE}")
    await bring(lab, token)
    try:
        yield
    finally:
        await asyncio.shield(bring(lab, own))


async def bring(lab: LiveLab, token: str) -> None:
    """Give the proxy a token, and start it anew: it reads its environment once."""
    proxy = lab.one("proxy")
    files = [File(TOKEN_FILE, token.encode(), mode=0o600)]
    await lab.put_files(proxy.service, ETC, files)
    await lab.programs.restart(proxy.service)


@pytest.mark.sabotage("proxy.log-level", "error")
async def test_a_proxy_without_a_token_obeys_everybody(lab: LiveLab) -> None:
    """The hub notices nothing, and the host of a user makes a route for everybody."""
    begun = time.time()
    async with proxy_token(lab, ""):
        await (await lab.hub()).check_routes()
        assert "REST API is not authenticated" in await lab.logs("proxy", since=begun)
        async with lab.channel.session() as stranger:
            api = f"http://{lab.one('proxy').service}:8001/api/routes"
            taken = {"target": "http://node2:22"}
            async with stranger.post(f"{api}/hub/login", json=taken) as answer:
                assert answer.status == 201
            async with stranger.get(api) as answer:
                assert (await answer.json())["/hub/login"]["target"] == taken["target"]
        # Whoever signs in is sent there, where no HTTP is spoken.
        assert (await look(lab, lab.origin / "hub/login")).status == 503
        assert (await look(lab, lab.origin / "hub/health")).status == 200


@pytest.mark.sabotage("hub.snippet", "../changes/ready_without_a_route.py")
async def test_a_proxy_with_another_token_gets_no_route(lab: LiveLab) -> None:
    """A proxy that was restarted with a new secret: no route is made, so no server gets ready."""
    async with proxy_token(lab, "another"):
        with pytest.raises((HubError, LabError)):
            await (await lab.hub()).check_routes()
        with pytest.raises(HubError, match="did not start"):
            await lab.spawn("alice", on="node1")
        log = await lab.hub_log()
        assert "403" in re.findall("api_request to proxy failed.*", log)[-1]
        assert "Stopping alice to avoid inconsistent state" in log
