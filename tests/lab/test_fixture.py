"""The fixture `lab` in a test run of its own: cases, verdicts, evidence, and whose lab it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from lifecycle import fresh_name, hublab, left_of
from report_reader import Elements

from hublab.deployment.removal import down
from hublab.engine import Engine
from hublab.journal.events import LabDown, LabUp, SettingsApplied, Verdict
from hublab.journal.file import read_journal
from hublab.running.lab import Lab

INI = "[pytest]\nasyncio_mode = strict\nasyncio_default_fixture_loop_scope = session\n"
BIND = "hub.JupyterHub.hub_bind_url"
NOWHERE = "http://198.19.255.254:8081"
"""An address that no host of a lab has: a hub that is to listen there ends."""
SUITE = f"""\
import pytest
from hublab.running.switching import restart
from hublab.errors import Undecided
from hublab.probes.routes import proxy_routes
from hublab.probes.table_rows import table_rows
from hublab.probes.waiting import until

SERVICE = {{"name": "left", "command": ["sleep", "600"]}}
PROGRAMS = "cat /proc/[0-9]*/comm 2>/dev/null || true"
SPEAK = "{{ cat /etc/hublab/api_token; echo; }} > /proc/1/fd/1"

@pytest.mark.matrix("hub.JupyterHub.services", [[SERVICE]])
async def test_leaves_much(lab):
    await lab.programs.restart("hub")
    assert (await lab.run("hub", "sh", "-c", PROGRAMS)).count("sleep") == 1
    await lab.spawn("alice", on="node1")
    await lab.run("node1", "touch", "/home/alice/mine")
    assert await table_rows(lab, "spawners")

async def test_finds_nothing(lab):
    assert "sleep" not in await lab.run("hub", "sh", "-c", PROGRAMS)
    assert await lab.servers() == []
    assert await table_rows(lab, "spawners") == []
    assert "mine" not in await lab.run("node1", "ls", "/home/alice")
    assert [route.user for route in await proxy_routes(lab) if route.user] == []

async def test_fails(lab):
    await lab.run("hub", "sh", "-c", SPEAK)
    token = await lab.secret("api_token")

    async def spoken():
        return token in await lab.logs("hub")

    await until(spoken, what="the secret in the log")
    assert False, "on purpose"

async def test_undecided(lab):
    raise Undecided("nobody can say", where="here")

@pytest.mark.matrix("hub.JupyterHub.hub_conect_ip", ["hub"])
async def test_unknown_setting(lab):
    pass

@pytest.mark.may_refuse
@pytest.mark.matrix("{BIND}", ["{NOWHERE}", "http://0.0.0.0:8081"])
async def test_may_refuse(lab, case):
    assert (lab.refusal is not None) == (case["{BIND}"] == "{NOWHERE}")
    assert lab.refusal is None or "Cannot assign requested address" in lab.refusal.log

@pytest.mark.matrix("{BIND}", ["{NOWHERE}"])
async def test_refuses(lab):
    pass

def test_plain(lab):
    assert lab.refusal is None
"""
EXPECTED = {
    "test_leaves_much": ["held"],
    "test_finds_nothing": ["held"],
    "test_fails": ["failed"],
    "test_undecided": ["undecided"],
    "test_unknown_setting": ["error"],
    "test_may_refuse": ["held", "held"],
    "test_refuses": ["error"],
    "test_plain": ["held"],
}


def run(folder: Path, suite: str, *options: str, **environment: str) -> tuple[int, str]:
    """A test run in a folder: its exit code and what it printed."""
    (folder / "test_suite.py").write_text(suite)
    (folder / "pytest.ini").write_text(INI)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


def test_cases_verdicts_and_evidence(tmp_path: Path) -> None:
    """One run with every kind of outcome, and what it leaves behind."""
    code, said = run(tmp_path, SUITE)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 5 passed, 2 errors, 1 undecided" in said, said
    assert "UNDECIDED test_suite.py::test_undecided\n    " in said
    assert "no software in this lab has a setting hub.JupyterHub.hub_conect_ip" in said
    assert "the hub ended with exit code 1; its last words:" in said
    assert "hublab unset" not in said  # on a lab that is gone when this is read

    (evidence,) = (tmp_path / "evidence").iterdir()
    events = [entry.event for entry in read_journal(evidence / "journal.ndjson")]
    verdicts: dict[str, list[str]] = {}
    for event in events:
        if isinstance(event, Verdict):
            verdicts.setdefault(re.split(r"::|\[", event.test)[1], []).append(event.outcome)
    assert verdicts == EXPECTED
    applied = [event.case for event in events if isinstance(event, SettingsApplied)]
    # What no software knows was never applied.
    assert len(applied) >= sum(map(len, EXPECTED.values())) - 1
    assert not [case for case in applied if "hub_conect_ip" in case]
    (up,) = [event for event in events if isinstance(event, LabUp)]
    (gone,) = [event for event in events if isinstance(event, LabDown)]
    assert (up.lab, gone.left) == (gone.lab, ())
    assert left_of(up.lab) == []

    logs = {path.name: path for path in evidence.iterdir() if path.is_dir()}
    assert sorted(re.split(r"test_suite.py_|\[", name)[1] for name in logs) == sorted(
        name for name, outcomes in EXPECTED.items() if set(outcomes) - {"held"}
    )
    failed = next(path for name, path in logs.items() if "test_fails" in name)
    assert {f.stem for f in failed.iterdir()} == {"hub", "proxy", "node1", "node2", "client"}
    assert "[secret]" in (failed / "hub.log").read_text()


HELD = "async def test_held(lab):\n    assert await lab.servers() == []\n"


def test_no_engine(tmp_path: Path) -> None:
    """One message for the whole run, with the exit code that hublab has for such a machine."""
    code, said = run(tmp_path, SUITE, DOCKER_HOST="unix:///nonexistent.sock")
    assert code == 3
    assert said.count("no Docker engine answers") == 1
    assert "hublab doctor --fix" in said


def test_collecting_needs_no_engine(tmp_path: Path) -> None:
    code, said = run(
        tmp_path, SUITE, "--collect-only", "-q", DOCKER_HOST="unix:///nonexistent.sock"
    )
    assert code == 0, said
    assert "9 tests collected" in said


def test_whose_lab_it_is(tmp_path: Path) -> None:
    """`--lab-keep` leaves a lab up; a run that finds one under its `--lab-name` does not end it.

    Of runs in which everything held no evidence is kept.
    """
    name = fresh_name()

    def containers() -> set[str]:
        return {c.id for c in Engine.connect().containers(name)}

    try:
        code, said = run(tmp_path, HELD, "--lab-name", name, "--lab-keep")
        assert code == 0, said
        assert f"`hublab down --name {name}` ends it" in said
        kept = containers()
        assert kept

        code, said = run(tmp_path, HELD, "--lab-name", name)
        assert code == 0, said
        assert f"lab {name} stays up" in said
        assert containers() == kept
        assert hublab("ps", "--name", name).returncode == 0
        assert not list(tmp_path.glob("evidence/*"))
    finally:
        down(name, Engine.connect())


INTERVAL = "hub.Spawner.poll_interval"
OTHERS = f"""\
import pytest

@pytest.mark.matrix("{INTERVAL}", [5])
async def test_another(lab):
    pass

@pytest.mark.matrix("hub.JupyterHub.hub_conect_ip", ["hub"])
async def test_unknown(lab):
    pass

@pytest.mark.matrix("{BIND}", ["{NOWHERE}"])
async def test_refuses(lab):
    pass
"""


def test_a_lab_that_was_there_has_its_settings_back(tmp_path: Path) -> None:
    """Whatever the tests set in it, known or not, refused or not."""
    name = fresh_name()
    try:
        assert hublab("up", "--name", name, "--set", f"{INTERVAL}=9").returncode == 0
        code, said = run(tmp_path, OTHERS, "--lab-name", name)
        assert code == pytest.ExitCode.TESTS_FAILED
        assert "1 passed, 2 errors" in said, said
        assert "no software in this lab has a setting" in said
        assert Lab.find(name, Engine.connect()).settings() == {INTERVAL: "9"}
        listed = json.loads(hublab("set", "--name", name, "--json").stdout)
        assert listed == {"settings": {INTERVAL: "9"}, "due": []}
        assert hublab("spawn", "alice", "--name", name).returncode == 0

        code, said = run(tmp_path, OTHERS, "--lab-name", name, "--set", "hub.Spawner.intervall=1")
        assert code == pytest.ExitCode.USAGE_ERROR
        assert said.count("no software in this lab has a setting") == 1
        listed = json.loads(hublab("set", "--name", name, "--json").stdout)
        assert listed["settings"] == {INTERVAL: "9"}
    finally:
        down(name, Engine.connect())


SECRET = "geheimnis"
LEAKS = """\
async def test_fails(lab):
    await lab.run("hub", "sh", "-c", "echo 'GET /hub/oauth?code=c0ffee&x=1' > /proc/1/fd/1")
    assert False, "on purpose"
"""


def test_secrets_of_settings_are_nowhere(tmp_path: Path) -> None:
    """Neither said nor written, as a name or in a file, which the owner alone may read."""
    pins = ("hub.JupyterHub.authenticator_class=dummy", f"hub.DummyAuthenticator.password={SECRET}")
    options = [word for pin in pins for word in ("--set", pin)]
    code, said = run(tmp_path, LEAKS, *options, "--lab-report")
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "1 failed" in said, said
    assert SECRET not in said
    assert "hub.DummyAuthenticator.password=~" in said
    (evidence,) = (tmp_path / "evidence").iterdir()
    left = [evidence, *evidence.rglob("*")]
    assert not [path for path in left if SECRET in str(path) or path.stat().st_mode & 0o077]
    texts = [path.read_text() for path in left if path.is_file()]
    texts += Elements((evidence / "report.html").read_text()).lines()
    assert any("DummyAuthenticator" in text for text in texts)
    assert not [text for text in texts if SECRET in text or "c0ffee" in text]
