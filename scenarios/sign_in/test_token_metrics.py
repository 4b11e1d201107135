"""Metrics of the hub and of a server want different scopes, and neither is enough for the other.

Why it matters: whoever monitors several hosts makes one token for all of them. The scope that is
called after metrics opens the hub's alone; a server's are behind the scope by which one may use the
whole server.

Sources:
- JupyterHub documentation, "Available scopes": `read:metrics`, "Read prometheus metrics";
  `access:servers`: "Access user servers via API or browser"; `authenticate_prometheus`:
  "Authentication for prometheus metrics", true by default.
- jupyterhub 6.1.1, utils.py, `metrics_authentication`: "Access to metrics requires scope
  'read:metrics'".
- jupyter_server documentation, `authenticate_prometheus`: "Require authentication to access
  prometheus metrics"; jupyterhub/singleuser/extension.py, `get_user`: the server wants
  `access:servers` for itself of everybody.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Ask, Case, LiveLab, ask, fresh_browser

from .tokens import make_token, status_for

HUBS, SERVERS = "hub.JupyterHub.authenticate_prometheus", "server.ServerApp.authenticate_prometheus"
AT_HUB, AT_SERVER = "/hub/metrics", "/user/alice/metrics"

pytestmark = pytest.mark.topology("lab")


@pytest.mark.issue(
    "jupyterhub#3769", happens=False, workaround="none needed: a token with read:metrics"
)
@pytest.mark.sabotage(
    HUBS, False, sentence="`read:metrics` opens the hub's and `access:servers` the servers'"
)
@pytest.mark.matrix(SERVERS, [True, False])
async def test_whose_metrics_a_token_reads(lab: LiveLab, case: Case) -> None:
    """`read:metrics` opens the hub's and `access:servers` the servers', each those alone; where a
    server wants no authentication anybody reads its own, without a token.
    """
    await lab.spawn("alice", on="node1")
    seen = {}
    for scopes in (["read:metrics"], ["access:servers"]):
        token = (await make_token(lab, "admin", scopes=scopes)).text
        seen[scopes[0]] = [await status_for(lab, one, token) for one in (AT_HUB, AT_SERVER)]
    nobody = [(await ask(lab, Ask(one), fresh_browser(lab))).status for one in (AT_HUB, AT_SERVER)]
    guarded = case[SERVERS] is True
    assert seen == {"read:metrics": [200, 403 if guarded else 200], "access:servers": [403, 200]}
    assert nobody == [403, 403 if guarded else 200]
