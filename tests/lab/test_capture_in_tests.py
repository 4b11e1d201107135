"""`--lab-capture`: the journal of a failed test says who talked to whom; TLS stays closed.

With `internal_ssl` hub, proxy's API and servers speak TLS to each other (JupyterHub documentation,
`internal_ssl`), here with hub and proxy on one host, so that their hop is on its loopback.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from test_fixture import run

from hublab.journal.events import Note
from hublab.journal.file import Entry, read_journal
from hublab.journal.network import CaptureLost, Connection, Exchange

# Slow: tests/lab/test_failing_scenario.py has the option in a run that is there anyway.
pytestmark = pytest.mark.slow
CANARY = "Kanarie-0123456789abcdef"
SUITE = f"""\
import pytest
from hublab.scenario import until

pytestmark = pytest.mark.topology("lab", "onebox")

async def test_passes(lab):
    await (await lab.hub()).ensure_user("bob")

@pytest.mark.matrix("hub.JupyterHub.internal_ssl", [True])
@pytest.mark.matrix("hub.JupyterHub.trusted_alt_names", [["DNS:hub"]])
async def test_fails(lab):
    alice = await lab.sign_in("alice")
    hub = alice.origin / "hub/api/users/alice/server"
    headers = alice.xsrf(alice.origin / "hub/home")
    async with alice.session.post(hub, headers=headers, json={{"host": "node1"}}) as answer:
        assert answer.status in (201, 202)

    async def opened():
        url = alice.server_url() / "api/status"
        async with alice.session.get(url) as answer:
            return answer.status < 404 or answer.status == 403

    await until(opened, what="alice's server")
    await alice.open_server()
    url = (alice.server_url() / "api/contents").with_query(token="{CANARY}")
    async with alice.session.get(url) as answer:
        await answer.read()
    assert False, "on purpose"
"""


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run with one failed test leaves."""
    project = tmp_path_factory.mktemp("project")
    code, said = run(project, SUITE, "test_suite.py", "--lab-capture")
    assert code == 1, said
    assert "1 failed, 1 passed" in said
    (folder,) = (project / "evidence").iterdir()
    return folder


@pytest.fixture(scope="module")
def entries(evidence: Path) -> tuple[Entry, ...]:
    return read_journal(evidence / "journal.ndjson")


def hops(entries: tuple[Entry, ...], protocol: str) -> set[tuple[str, str, int]]:
    """From where to where there were connections of a protocol, with the port."""
    return {
        (one.event.source, one.event.target, one.event.port)
        for one in entries
        if isinstance(one.event, Connection) and one.event.protocol == protocol
    }


def test_what_is_encrypted_stays_closed(entries: tuple[Entry, ...]) -> None:
    """Between hub, its proxy and the server there are TLS connections and no exchanges."""
    encrypted = hops(entries, "tls")
    assert {("hub", "hub", 8001), ("node1", "hub", 8081)} <= encrypted
    assert {target for source, target, _ in encrypted if source == "hub"} == {"hub", "node1"}
    readable = [one.event for one in entries if isinstance(one.event, Exchange)]
    assert {(one.target, one.port) for one in readable} == {("hub", 8000)}
    assert [one.status for one in readable if one.purpose == "spawn"] in ([201], [202])


def test_the_name_of_a_tls_server_is_seen(entries: tuple[Entry, ...]) -> None:
    """RFC 6066, 3: the client names the host that it wants, before anything is encrypted."""
    names = {
        one.event.detail
        for one in entries
        if isinstance(one.event, Connection)
        and (one.event.source, one.event.port) == ("node1", 8081)
        and one.event.protocol == "tls"
    }
    assert names == {"hub"}


def test_a_test_that_passed_leaves_nothing(entries: tuple[Entry, ...]) -> None:
    paths = [one.event.path for one in entries if isinstance(one.event, Exchange)]
    assert any("alice" in path for path in paths)
    assert not any("bob" in path for path in paths)


def test_nothing_was_lost_and_both_ends_agree(entries: tuple[Entry, ...]) -> None:
    assert [one.event for one in entries if isinstance(one.event, CaptureLost | Note)] == []


def test_the_evidence_has_no_planted_secret(evidence: Path) -> None:
    texts = [path.read_text() for path in evidence.rglob("*") if path.is_file()]
    assert any("token=[redacted]" in text for text in texts)
    assert not any(CANARY in text for text in texts)
