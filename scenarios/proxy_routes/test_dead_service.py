"""A service that does not answer keeps the whole hub off the proxy while it is waited for.

Why it matters: services run on hosts of their own, and after a power cut not all come back. The
hub waits for each in turn before it gives the proxy its first route: it listens, it answers at
its own port, and through the proxy there is nothing but 404.

Sources:
- jupyterhub/app.py, `start`: for each service `await self.start_service(…)`, one after the
  other; only then `await self.proxy.check_routes(…)`.
- The same, `start_service`: an external service that does not come up within `Service.timeout`
  (6.0, default 30 s) is "Cannot connect to external service … Is it running?", no more.

Shortened: `timeout` is 5 s here for each of the two services.
"""

from __future__ import annotations

import asyncio
import re
from datetime import datetime

import pytest
from yarl import URL

from hublab.cases.matrix import Case
from hublab.errors import Undecided
from hublab.probes.http import look
from hublab.probes.waiting import until
from hublab.running import programs
from hublab.running.hub import hub_run
from hublab.running.live import LiveLab
from hublab.running.proxy_api import drop_route
from hublab.running.readiness import wait_until_running

SERVICES = "hub.JupyterHub.services"
TIMEOUT = 5
DEAD = [
    {"name": "gone", "url": "http://127.0.0.1:9", "timeout": TIMEOUT},
    {"name": "lost", "url": "http://127.0.0.1:9", "timeout": TIMEOUT},
]
STAMP = r"\[\w (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) [^\]]*\] "

pytestmark = pytest.mark.topology("lab")


def said(log: str, words: str) -> float:
    """When the hub's log has a line that begins with these words, in seconds."""
    found = re.search(STAMP + re.escape(words), log)
    assert found, f"the hub did not say {words!r}"
    return datetime.fromisoformat(found[1]).timestamp()


@pytest.mark.matrix(SERVICES, [[], DEAD])
async def test_services_that_are_gone(lab: LiveLab, case: Case) -> None:
    """The hub is restarted with an empty table in the proxy, as after a cut of both."""
    services = case[SERVICES]
    dead = len(services) if isinstance(services, list) else 0
    await drop_route(lab, "/")
    await asyncio.to_thread(programs.kill_if_up, lab.lab, "hub")
    await asyncio.to_thread(programs.start, lab.lab, "hub")

    async def listens_in_vain() -> bool:
        try:
            direct = await look(lab, URL("http://hub:8081/hub/health"))
            through = await look(lab, lab.origin / "hub/health")
        except Undecided:
            return False
        return (direct.status, through.status) == (200, 404)

    if dead:
        await until(listens_in_vain, what="200 at the hub's port, 404 at the proxy's")
    await wait_until_running(lab.lab)

    log = (await asyncio.to_thread(hub_run, lab.lab)).log
    waited = said(log, "Adding route for Hub") - said(log, "Hub API listening on")
    assert waited > 0.9 * TIMEOUT * dead
    assert waited < TIMEOUT or dead
    assert log.count("Cannot connect to external service") == dead
