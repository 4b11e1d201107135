"""A renewed certificate of internal_ssl: on the hub's disk at once, and shown after its restart.

Why it matters: whoever renews the hub's certificate before its five years are over sees the new
file and believes that it is in use. The hub shows the old one until it is restarted. If the
authorities stay, the servers that run on nodes go on and need no new certificates.

Sources:
- jupyterhub/app.py, `init_internal_ssl`, `start`: contexts are made once, when the hub starts;
  `recreate_internal_certs` makes the authorities anew, too: "enabling this feature requires
  restarting all notebook servers".
- certipy, `Certipy.create_signed_pair`, `overwrite`: a new pair below an authority that there is.
- RFC 5280, 6.1: what is believed of a certificate follows from its authority.
"""

from __future__ import annotations

import json

import pytest

from hublab.scenario import PYTHON, LiveLab

from .pages import started

pytestmark = [
    pytest.mark.topology("lab", "onebox"),
    pytest.mark.matrix("hub.JupyterHub.internal_ssl", [True]),
    pytest.mark.matrix("hub.JupyterHub.trusted_alt_names", [["DNS:hub"]]),
    pytest.mark.sabotage("hub.snippet", "../changes/reads_its_certificate_anew.py"),
]

FOLDER = "/srv/jupyterhub/internal-ssl"
RENEW = f"""
from certipy import Certipy
names = ["IP:127.0.0.1", "DNS:localhost", "DNS:hub"]
Certipy(store_dir="{FOLDER}").create_signed_pair(
    "hub-internal", "hub-ca", alt_names=names, overwrite=True
)
"""
SHOWN = f"""
import json, ssl
with open("{FOLDER}/hub-internal/hub-internal.crt") as file:
    on_disk = ssl.PEM_cert_to_DER_cert(file.read())
shown = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("hub", 8081), timeout=10))
print(json.dumps([on_disk.hex(), shown.hex()]))
"""


async def certificates(lab: LiveLab) -> tuple[str, str]:
    """The hub's certificate on its disk, and the one that it shows."""
    said = await lab.run("hub", PYTHON, "-c", SHOWN, user="jupyterhub")
    on_disk, shown = json.loads(said)
    return on_disk, shown


async def test_a_certificate_that_is_renewed(lab: LiveLab) -> None:
    """The hub shows the old one until it is restarted; then a server that ran before is reached."""
    alice = await lab.sign_in("alice")
    await started(lab, alice)
    await alice.open_server()
    old, shown = await certificates(lab)
    assert shown == old
    await lab.run("hub", PYTHON, "-c", RENEW, user="jupyterhub")
    new, shown = await certificates(lab)
    assert new != old
    assert shown == old
    await lab.programs.restart("hub")
    assert await certificates(lab) == (new, new)
    await alice.open_server()
    assert await alice.api("GET", "contents")
