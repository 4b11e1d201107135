"""internal_ssl: hub, proxy's API and servers speak TLS, and each takes its own neighbours alone.

Why it matters: on one machine what hub, proxy and servers say to each other never leaves it; on
several it crosses a network in the clear, tokens and all. JupyterHub can encrypt these hops with
certificates of its own making, but they are made on the hub, and the server that needs them starts
on a node: whoever starts it has to bring them there.

Sources:
- JupyterHub documentation, `internal_ssl`: "Enable SSL for all internal communication. This enables
  end-to-end encryption between all JupyterHub components. JupyterHub will automatically create the
  necessary certificate authority and sign notebook certificates as they're created";
  `trusted_alt_names`: names that the hub's and proxy's certificates hold beside localhost.
- jupyterhub/app.py, `init_internal_ssl`, "how trust should be laid out per each component": the hub
  trusts all, the proxy's API hub, services and servers, a server hub and proxy; proxy.py,
  `_get_ssl_options`: the proxy's API wants a certificate, and then its token as ever (403).
- jupyterhub/spawner.py, `Spawner.move_certs`: "Takes certificate paths and makes them available to
  the notebook server"; the default leaves them on the hub.
- jupyterhub/ssl_context, utils.py, `make_ssl_context`: "Certificates are always verified in both
  directions".
- batchspawner#192 (open): "self signed certificate in chain"; sudospawner#73: move_certs refused.

The hub runs its own proxy here: one on another host would have to be given its certificates by hand
(`jupyterhub --generate-certs`). The proxy's API listens on loopback then, so who asks is a program
on the hub's host, which has each component's certificate.
"""

from __future__ import annotations

import json

import pytest

from hublab.scenario import PYTHON, Case, LiveLab

from .certificates import CERTIFICATES
from .pages import started

SSL = "hub.JupyterHub.internal_ssl"
NOTHING = "no answer"
ASK = """
import http.client, json, ssl, sys
from urllib.error import HTTPError
from urllib.request import urlopen
seen = []
for url, certificate in json.loads(sys.argv[1]):
    context = None
    if url.startswith("https:"):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate + ".crt", certificate + ".key")
    try:
        seen.append(str(urlopen(url, context=context, timeout=10).status))
    except HTTPError as error:
        seen.append(str(error.code))
    except (OSError, http.client.HTTPException):
        seen.append("no answer")
print(json.dumps(seen))
"""
"""The status for each address and certificate, whoever the other end says that it is."""
DOORS = ("hub", "proxy's API", "server")
PLAIN = {"hub": "200", "proxy's API": "403", "server": "200"}
"""What anybody gets of the three without internal_ssl, without a token."""
TRUSTED = {
    "": (NOTHING, NOTHING, NOTHING),
    "hub-internal": ("200", "403", "200"),
    "proxy-client": ("200", NOTHING, "200"),
    "proxy-api": ("200", NOTHING, NOTHING),
    "user-alice": ("200", "403", NOTHING),
}
"""Whose certificate is shown -> what the three answer with internal_ssl."""

pytestmark = pytest.mark.topology("lab", "onebox")


async def answers(
    lab: LiveLab, places: dict[str, str], scheme: str, whose: str = ""
) -> tuple[str, ...]:
    """What each door answers to one who shows a component's certificate, or none."""
    file = f"{CERTIFICATES}/{whose}/{whose}" if whose else ""
    asked = [(f"{scheme}://{places[door]}", file) for door in DOORS]
    seen = await lab.run("hub", PYTHON, "-c", ASK, json.dumps(asked), user="jupyterhub")
    return tuple(json.loads(seen))


@pytest.mark.issue(
    "batchspawner#192", happens=False, workaround="a spawner with move_certs, as SSHSpawner"
)
@pytest.mark.matrix(SSL, [False, True])
@pytest.mark.matrix("hub.JupyterHub.trusted_alt_names", [["DNS:hub"]])
@pytest.mark.sabotage(
    "hub.snippet",
    "../changes/asks_nobody_for_certificates.py",
    sentence="no door without a certificate",
)
async def test_each_door_and_each_certificate(lab: LiveLab, case: Case) -> None:
    """The user through the proxy as ever. Past it, once it is on: no door without a certificate,
    not all doors with each; and no door without TLS.
    """
    alice = await lab.sign_in("alice")
    places = {
        "hub": "hub:8081/hub/api/",
        "proxy's API": "127.0.0.1:8001/api/routes",
        "server": f"{await started(lab, alice)}/user/alice/api",
    }
    await alice.open_server()
    assert await alice.api("GET", "contents")
    async with alice.kernel() as kernel:
        assert (await kernel.run("import socket; socket.gethostname()")).result == "'node1'"

    plain = await answers(lab, places, "http")
    if case[SSL]:
        assert plain == (NOTHING,) * 3
        seen = {whose: await answers(lab, places, "https", whose) for whose in TRUSTED}
        assert seen == TRUSTED
    else:
        assert plain == tuple(PLAIN[door] for door in DOORS)
        assert await answers(lab, places, "https") == (NOTHING,) * 3
