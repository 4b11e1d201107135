"""The certificates of internal_ssl are good for five years, and a host whose clock is later knows.

Why it matters: they are made when the hub first starts with internal_ssl and never again, so that
all of them end on one day, years after anybody has thought of them. A node whose clock is wrong
sees that day earlier than the others.

Sources:
- certipy, `Certipy.create_signed_pair` and `create_ca`: `years=5`, unless they are told otherwise;
  jupyterhub/app.py, `init_internal_ssl`, does not.
- `JupyterHub.recreate_internal_certs`: "Recreate all certificates used within JupyterHub on
  restart. Note: enabling this feature requires restarting all notebook servers."
- RFC 5280, 4.1.2.5 and 6.1.3: a certificate is refused outside of its validity, by the clock of
  whoever looks at it.
"""

from __future__ import annotations

import contextlib
import time

import pytest

from hublab.scenario import PYTHON, Case, LabError, LiveLab, clock, last_server_log

from .pages import call, does_it_start

pytestmark = [
    pytest.mark.slow,  # hub and server try for a minute before they give up
    pytest.mark.topology("lab", "onebox"),
    pytest.mark.matrix("hub.JupyterHub.internal_ssl", [True]),
    pytest.mark.matrix("hub.JupyterHub.trusted_alt_names", [["DNS:hub"]]),
]

RECREATE = "hub.JupyterHub.recreate_internal_certs"
YEAR = 365 * 24 * 3600
BOUND = 120
"""Seconds after which the clock is right again whatever happens."""
LIVES = """
import glob, json
from cryptography.x509 import load_pem_x509_certificates as load
files = [open(name, "rb").read() for name in glob.glob("/srv/jupyterhub/internal-ssl/*/*.crt")]
lives = [one.not_valid_after_utc - one.not_valid_before_utc for file in files for one in load(file)]
print(json.dumps(sorted({life.days for life in lives})))
"""


@pytest.mark.sabotage("hub.JupyterHub.internal_ssl", False)
async def test_a_node_that_is_ahead(lab: LiveLab) -> None:
    """Four years are no matter. Six: no server starts there, and its log has the reason."""
    assert (await lab.run("hub", PYTHON, "-c", LIVES, user="jupyterhub")).strip() == "[1825]"
    alice = await lab.sign_in("alice")
    async with clock(lab, "node1", ahead=4 * YEAR, seconds=BOUND):
        assert await does_it_start(alice)
        assert (await call(alice, "DELETE", "users/alice/server"))[0] in (202, 204)
    async with clock(lab, "node1", ahead=6 * YEAR, seconds=BOUND):
        assert not await does_it_start(alice)
        log = await last_server_log(lab, "alice", "node1")
    assert "certificate has expired" in log


@pytest.mark.matrix(RECREATE, [False, True])
async def test_a_hub_after_five_years(lab: LiveLab, case: Case) -> None:
    """It starts four years later, and six years later with certificates that it makes anew."""
    started: dict[int, bool] = {}
    for years in (4, 6):
        begun = time.time()
        async with clock(lab, "hub", ahead=years * YEAR, seconds=2 * BOUND):
            await lab.programs.end("hub")
            await lab.programs.start("hub")
            with contextlib.suppress(LabError):
                await lab.programs.until_ready("hub", timeout=BOUND)
            log = await lab.logs("hub", since=begun)
            started[years] = "JupyterHub is now running" in log
    assert started == {4: True, 6: case[RECREATE]}
    assert ("certificate has expired" in log) != case[RECREATE]
