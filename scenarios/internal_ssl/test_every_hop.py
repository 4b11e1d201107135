"""internal_ssl: every hop inside speaks TLS and wants a certificate, on the nodes too.

Why it matters: on one machine what hub, proxy and servers say to each other never leaves it; on
several it crosses a network in the clear, tokens and all. JupyterHub can encrypt these hops with
certificates of its own making, but they are made on the hub, and the server that needs them starts
on a node: whoever starts it has to bring them there.

Sources:
- JupyterHub documentation, `internal_ssl`: "Enable SSL for all internal communication. This enables
  end-to-end encryption between all JupyterHub components. JupyterHub will automatically create the
  necessary certificate authority and sign notebook certificates as they're created";
  `trusted_alt_names`: names that the hub's and proxy's certificates hold beside localhost.
- jupyterhub/spawner.py, `Spawner.move_certs`: "Takes certificate paths and makes them available to
  the notebook server"; the default leaves them on the hub.
- jupyterhub/ssl_context, utils.py, `make_ssl_context`: both sides verify (CERT_REQUIRED).
- batchspawner#192 (open): "self signed certificate in chain"; sudospawner#73: move_certs refused.

The hub runs its own proxy here: one on another host would have to be given its certificates by hand
(`jupyterhub --generate-certs`).
"""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
from yarl import URL

from hublab.scenario import Case, LiveLab, Visitor, until

SSL = "hub.JupyterHub.internal_ssl"
NOTHING = "no answer"
OFF, ON = {"http": "403"}, {"http": NOTHING, "https": NOTHING}
"""What a stranger without a certificate gets of a server at its own address."""

pytestmark = pytest.mark.topology("lab", "onebox")


async def call(visitor: Visitor, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """One call of the hub's REST API by a page, through the proxy."""
    url = visitor.origin / "hub/api" / path
    headers = visitor.xsrf(visitor.origin / "hub/home")
    async with visitor.session.request(method, url, headers=headers, json=body) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else None


async def stranger_gets(lab: LiveLab, url: URL) -> str:
    """What comes of a request past the proxy, by somebody without certificate or token."""
    async with lab.channel.session(timeout=aiohttp.ClientTimeout(total=10)) as session:
        try:
            async with session.get(url, ssl=False) as answer:
                return str(answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return NOTHING


@pytest.mark.issue(
    "batchspawner#192", happens=False, workaround="a spawner with move_certs, as SSHSpawner"
)
@pytest.mark.matrix(SSL, [False, True])
@pytest.mark.matrix("hub.JupyterHub.trusted_alt_names", [["DNS:hub"]])
async def test_with_internal_ssl_no_stranger_talks_to_a_server(lab: LiveLab, case: Case) -> None:
    """The user through the proxy as ever; nobody else on the network, once it is on."""
    alice, admin = await lab.sign_in("alice"), await lab.sign_in("admin")
    status, _ = await call(alice, "POST", "users/alice/server", {"host": "node1"})
    assert status in (201, 202)

    async def state() -> dict[str, Any]:
        _, model = await call(admin, "GET", "users/alice/server")
        return model["state"] if model["ready"] else {}

    where = await until(state, what="alice's server ready")
    await alice.open_server()
    assert await alice.api("GET", "contents")
    async with alice.kernel() as kernel:
        assert (await kernel.run("import socket; socket.gethostname()")).result == "'node1'"

    path = f"{where['address']}:{where['port']}/user/alice/api/contents"
    expected = ON if case[SSL] else OFF
    found = {scheme: await stranger_gets(lab, URL(f"{scheme}://{path}")) for scheme in expected}
    assert found == expected
