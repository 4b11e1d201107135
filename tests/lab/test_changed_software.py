"""A change of the software: it acts in the process, counts if it was called, and leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from lifecycle import fresh_name
from test_fixture import run

from hublab.deployment.removal import down
from hublab.engine import Engine
from hublab.running.lab import Lab

SUITE = """\
import pytest
from hublab.scenario import Ask, ask, credentials

pytestmark = pytest.mark.topology("lab")

async def status(lab, path):
    async with credentials(lab, None) as nobody:
        return (await ask(lab, Ask(path), nobody)).status

@pytest.mark.sabotage("hub.snippet", "hub_is_unwell.py")
async def test_the_hub_is_well(lab):
    assert await status(lab, "/hub/health") == 200

@pytest.mark.sabotage("server.snippet", "servers_are_unwell.py")
async def test_a_server_has_a_version(lab):
    await lab.spawn("alice", on="node2")
    assert await status(lab, "/user/alice/api") == 200

@pytest.mark.sabotage("hub.snippet", "hub_is_unwell.py")
async def test_fails_for_another_reason(lab):
    assert await status(lab, "/hub/login") == 404

@pytest.mark.sabotage("hub.snippet", "no_such_function.py")
async def test_of_what_there_is_not(lab):
    assert False
"""
UNWELL = """\
def unwell(get, handler, *args):
    handler.set_status(503)

CHANGES = {"%s": unwell}
"""
CHANGED = {
    "hub_is_unwell": "jupyterhub.handlers.pages:HealthCheckHandler.get",
    "servers_are_unwell": "jupyter_server.base.handlers:APIVersionHandler.get",
    "no_such_function": "jupyterhub.handlers.pages:HealthCheckHandler.gets",
}


def test_a_change_is_in_force_and_taken_back(tmp_path: Path) -> None:
    name = fresh_name()
    for change, function in CHANGED.items():
        (tmp_path / f"{change}.py").write_text(UNWELL % function)
    options = ("-p", "no:randomly", "--lab-name", name)
    try:
        code, said = run(tmp_path, SUITE, *options, "--sabotage", "--lab-keep")
        assert code == pytest.ExitCode.TESTS_FAILED, said
        assert "2 of 4 scenarios fail when the case is wrong" in said, said
        assert "NOT CAUGHT test_suite.py::test_fails_for_another_reason" in said
        assert "applied; nothing that it changes was called" in said
        assert "there is no jupyterhub.handlers.pages:HealthCheckHandler.gets" in said

        code, said = run(tmp_path, SUITE, *options, "-k", "well or version")
        assert code == 0, said
        lab = Lab.find(name, Engine.connect())
        for host in ("hub", "node2"):
            assert "hublab-change" not in lab.output(host, "ls", "/tmp")
    finally:
        down(name, Engine.connect())
