"""A scenario of a user's own that fails: what is printed, and that the printed command works."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from report_reader import Elements
from test_fixture import run

from hublab.journal.file import read_journal
from hublab.journal.network import Exchange

CONNECT = "hub.JupyterHub.hub_connect_ip"
TEST = r"test_suite\.py::test_the_api_asks_who_comes"
SUITE = f"""\
import pytest
from hublab.scenario import Ask, ask, credentials

pytestmark = pytest.mark.topology("lab")

@pytest.mark.matrix("{CONNECT}", ["hub"])
async def test_the_api_asks_who_comes(lab, case):
    \"\"\"Without a token the API answers 401.\"\"\"
    async with credentials(lab, None) as nobody:
        answer = await ask(lab, Ask("/hub/api/user"), nobody)
    assert answer.status == 401

@pytest.mark.matrix("hub.JupyterHub.hub_conect_ip", ["hub"])
async def test_a_misspelt_setting(lab, case):
    pass
"""
FAILED = rf"""
does not hold: Without a token the API answers 401\.
case      {CONNECT} = hub
expected  answer\.status == 401
seen      403

hub logged
    \d\d:\d\d:\d\d \[W JupyterHub log:192\] 403 GET /hub/api/user \(@[\d.]+\) [\d.]+ms

test_suite\.py:11
    assert answer\.status == 401

again     (?P<again>pytest '?{TEST}\[{CONNECT}=hub\]'? --lab-keep)
evidence  '?(?P<evidence>evidence/\S+/)'?
"""
TABLE = r"""
hub_connect_ip   VERDICT   SEEN 1
hub              failed    403

seen 1  GET /hub/api/user by nobody

verdict, in every case:
    expected answer\.status == 401, seen 403
"""


def hops_of(evidence: Path) -> list[tuple[str, str]]:
    """On which hops the refused request was captured, by the journal."""
    entries = read_journal(evidence.parent / "journal.ndjson")
    return [
        (one.event.source, one.event.target)
        for one in entries
        if isinstance(one.event, Exchange)
        and (one.event.method, one.event.path, one.event.status) == ("GET", "/hub/api/user", 403)
    ]


def test_a_user_reads_what_failed_and_tries_it_again(tmp_path: Path) -> None:
    """Expected is what docs/writing_scenarios.md promises of a failing test.

    The hub answers 403 to nobody: jupyterhub/scopes.py, `needs_scope`.
    """
    code, said = run(tmp_path, SUITE, "test_suite.py", "--lab-capture")
    assert code == 1, said
    failure = re.search(FAILED, said)
    assert failure, said
    assert re.search(TABLE, said), said
    assert (tmp_path / failure["evidence"] / "hub.log").is_file()
    assert hops_of(tmp_path / failure["evidence"]) == [("client", "proxy"), ("proxy", "hub")]
    assert "cannot be tried: a misspelt setting" in said
    assert "seen      no software in this lab has a setting hub.JupyterHub.hub_conect_ip" in said
    assert "/hublab/" not in said.partition("FAILURES")[2]  # no frame of ours

    program, *words = shlex.split(failure["again"])
    assert program == "pytest"
    words.remove("--lab-keep")  # else its lab would stay
    code, again = run(tmp_path, SUITE, *words, "--lab-report=report.html")
    assert code == 1, again
    assert re.search(FAILED, again), again
    assert "1 failed" in again
    told = [json.loads(one) for one in Elements((tmp_path / "report.html").read_text()).lines()]
    (verdict,) = (one for one in told if one["kind"] == "verdict")
    assert verdict["claim"] == "Without a token the API answers 401."
    assert (verdict["expected"], verdict["seen"]) == ("answer.status == 401", "403")
    assert verdict["seconds"] > told[0]["t"]
    assert told[-1]["kind"] == "run_ended"
    hub = [one["text"] for one in told if one["kind"] == "log_line" and one["host"] == "hub"]
    assert any("403 GET /hub/api/user" in text for text in hub)


HANGS = '''\
import pytest
pytestmark = pytest.mark.topology("lab", "onebox")

async def test_hangs(lab):
    """A program on the hub's host ends."""
    await lab.run("hub", "tail", "-f", "/dev/null")

async def test_goes_on(lab):
    assert (await lab.run("hub", "echo", "more")).strip() == "more"
'''


def test_a_scenario_that_hangs_holds_nothing_up(tmp_path: Path) -> None:
    """It is undecided, the next one has the lab, and the run ends and removes that."""
    code, said = run(tmp_path, HANGS, "test_suite.py", "--lab-timeout", "5")
    assert code == 1, said
    assert "it was not over after 5 s\n    at test_suite.py:6" in said
    assert "1 passed, 1 undecided" in said
