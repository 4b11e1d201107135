"""Signing in by Kerberos, against a real KDC (issue 4, "Trust": GSSAPI store)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from machinery import TINY, Account, Hub, Sshd
from realm import GSSAPI, NEEDS_KDC, REALM, Kdc

pytestmark = [pytest.mark.sshd, NEEDS_KDC]
ALIAS = "c.SSHSpawner.hosts[0]['host_key_alias'] = 'localhost'\n"


@pytest.mark.report("LLNL/SSHSpawner, environment")
def test_each_user_signs_in_with_a_ticket_of_their_own(
    hub: Callable[..., Hub], account: Callable[..., Account], kdc: Kdc, gss_node: Sshd
) -> None:
    """Two at once. LLNL's spawner keeps the cache's name in the environment of the hub's process
    (L229-232), so that one user's ticket serves the next."""
    users = [account(), account()]
    for user in users:
        kdc.ticket(user)
    store = f"FILE:{kdc.where}/cc_{{username}}"
    one = hub(TINY + GSSAPI + ALIAS + f"c.SSHSpawner.ssh_gss_store = {store!r}\n", node=gss_node)
    for user in users:
        one.request_start(user.name)
    for user in users:
        one.wait_ready(user.name)
        accepted = f"Accepted gssapi-with-mic for {user.name} from"
        assert gss_node.log.read_text().count(accepted) == 1
        assert f"{user.name}@{REALM} for host/localhost@{REALM}" in kdc.log.read_text()
        assert b"KRB5CCNAME" not in user.environment()
        one.stop(user.name)


def test_a_ticket_of_one_user_does_not_open_another_account(
    hub: Callable[..., Hub], account: Callable[..., Account], kdc: Kdc, gss_node: Sshd
) -> None:
    """sshd decides by the principal; the refusal is told and not repeated at once."""
    alice, bob = account(), account()
    cache = kdc.ticket(alice)
    store = f"c.SSHSpawner.ssh_gss_store = lambda spawner: 'FILE:{cache}'\n"
    one = hub(TINY + GSSAPI + ALIAS + store, node=gss_node)
    one.request_start(bob.name)
    assert "node1 refused the login" in one.wait_failed(bob.name)
    assert not (bob.home / "environment").exists()
    one.spawn(alice.name)


NOBODY = "async def nobody(spawner):\n    return None\nc.SSHSpawner.ssh_gss_store = nobody\n"


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ("", "ssh_gss_store must name the user"),
        (NOBODY, "no Kerberos ticket of yours is known"),
        (
            "c.SSHSpawner.ssh_gss_store = 'FILE:/nonexistent/cc'\n",
            "there is no Kerberos ticket of yours",
        ),
        (
            "c.SSHSpawner.ssh_gss_store = {'ccache': 'FILE:/nonexistent/cc'}\n",
            "no Kerberos ticket of yours",
        ),
    ],
    ids=["unset", "none", "missing cache", "missing cache in a store"],
)
@pytest.mark.report("LLNL/SSHSpawner, environment")
def test_the_hubs_own_ticket_serves_nobody(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    kdc: Kdc,
    gss_node: Sshd,
    monkeypatch: pytest.MonkeyPatch,
    store: str,
    told: str,
) -> None:
    """The hub's environment has a ticket that would do; it is not used."""
    alice = account()
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{kdc.ticket(alice)}")
    one = hub(TINY + GSSAPI + ALIAS + store, node=gss_node)
    one.request_start(alice.name)
    assert told in one.wait_failed(alice.name)
    assert not gss_node.accepted(alice.name)
    assert "Accepted" not in gss_node.log.read_text()


def test_a_node_dialled_by_its_address(
    gss_hub: Callable[..., Hub], account: Callable[..., Account], kdc: Kdc
) -> None:
    """Its principal has a name (RFC 4120, 6.2.1), which ``gss_host`` says. A restarted hub knows
    it from its database."""
    alice = account()
    kdc.ticket(alice)
    one = gss_hub(TINY, gss_host="")
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert "the KDC knows no principal host/127.0.0.1: set gss_host of this host in" in told
    assert f"Server host/127.0.0.1@{REALM} not found in Kerberos database" in one.tail()
    two = gss_hub(TINY, gss_host="localhost")
    two.spawn(alice.name)
    two.kill()
    two.start()
    two.stop(alice.name)
    alice.check_gone()


@pytest.mark.parametrize("kind", ["FILE", "DIR"])
def test_no_ticket_and_one_that_has_expired_are_told_apart(
    gss_hub: Callable[..., Hub],
    account: Callable[..., Account],
    kdc: Kdc,
    gss_node: Sshd,
    kind: str,
) -> None:
    """The user reads which of both it is; the log has what it was found by."""
    alice, bob = account(), account()
    cache = kdc.expired(alice)
    if kind == "DIR":
        (kdc.where / "tkt").write_bytes(cache.read_bytes())
        cache.unlink()
        cache.mkdir()
        (kdc.where / "tkt").rename(cache / "tkt")
    one = gss_hub(TINY, kind=kind)
    one.request_start(alice.name)
    one.request_start(bob.name)
    assert "your Kerberos ticket has expired" in one.wait_failed(alice.name)
    assert "there is no Kerberos ticket of yours on the hub" in one.wait_failed(bob.name)
    why = {"FILE": f"of {alice.name}@{REALM} in {cache} ended 2", "DIR": "localhost: Major ("}[kind]
    assert why in one.tail(about="has expired")
    assert "cannot be reached" not in one.tail(200)
    assert "Connection from" not in gss_node.log.read_text()
