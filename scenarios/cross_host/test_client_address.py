"""The client's address: the proxy passes it on, hub and server log it, the proxy does not.

Why it matters: behind a proxy on another host every connection to the hub comes from the proxy.
Logs, rate limits and the anonymous XSRF identity need the client's own address, and whoever
looks for it in the proxy's log looks in vain.

Sources:
- configurable-http-proxy 5.3, bin/configurable-http-proxy: `xfwd` is on unless
  `--no-x-forward`; http-proxy-3, web-incoming.js, `XHeaders`: appends the peer's address to
  X-Forwarded-For.
- jupyterhub/app.py, `HTTPServer(..., xheaders=True)`, and jupyterhub/singleuser/extension.py,
  `trust_xheaders`: hub and server take the address from that header; tornado/httpserver.py,
  `_apply_xheaders`: the last address that is not a trusted proxy's, so that what a client puts
  there first does not count.
- configurable-http-proxy 5.3, lib/configproxy.js: `PROXY WEB path to target` (debug) and
  `status method path` (info) are all that it logs of a request.

Finding: at no log level does configurable-http-proxy 5.3 log from where a request came. And with
`--no-x-forward` hub and server believe any address that a client writes into the header itself,
for both go on trusting it.
"""

from __future__ import annotations

import pytest

from hublab.live import LiveLab
from hublab.matrix import Case
from hublab.probes.access_log import Access, hub_accesses, server_accesses
from hublab.probes.waiting import until

FORGED = "198.19.255.9"
"""An address that no host here has."""
NOT_FORWARDED = "proxy.no-x-forward"

pytestmark = pytest.mark.topology("lab")


@pytest.mark.matrix("proxy.log-level", ["debug"])
@pytest.mark.matrix(NOT_FORWARDED, [False, True])
async def test_who_logs_the_client(lab: LiveLab, case: Case) -> None:
    """A visit as it is, and one that claims to come from elsewhere."""
    client, proxy = lab.lab.one("client"), lab.lab.one("proxy")
    server = await lab.spawn("alice", on="node1")
    visitor = await lab.sign_in("alice")
    await visitor.open_server()
    await visitor.api("GET", "contents")
    visitor.session.headers["X-Forwarded-For"] = FORGED
    await visitor.api("GET", "contents")

    # A proxy that adds nothing leaves a visitor the choice of any address.
    expected = [proxy.address, FORGED] if case[NOT_FORWARDED] else [client.address] * 2

    async def at_server() -> list[Access]:
        seen = await server_accesses(lab, "alice", str(server.host))
        calls = [one for one in seen if one.path == "/user/alice/api/contents"]
        return calls if len(calls) == len(expected) else []

    async def at_hub() -> list[Access]:
        return [one for one in await hub_accesses(lab) if one.path.startswith("/hub/login")]

    calls = await until(at_server, seconds=5, what="both calls in the server's log")
    assert [call.address for call in calls] == expected
    visits = await until(at_hub, seconds=5, what="the sign-in in the hub's log")
    assert {visit.address for visit in visits} == {expected[0]}

    log = lab.lab.engine.logs(proxy.id)
    assert "PROXY WEB /user/alice/api/contents to http" in log
    assert str(client.address) not in log
