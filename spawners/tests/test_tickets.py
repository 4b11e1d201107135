"""Kerberos tickets that are delegated to the node, against a real KDC and a real sshd.

What sshd does with them: sshd_config(5), ``GSSAPICleanupCredentials``; gss-serv-krb5.c.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from machinery import TINY, Account, Hub, Sshd, wait_until
from realm import NEEDS_KDC, REALM, Kdc

from jupyterhub_sshspawner.launcher import ccache

pytestmark = [pytest.mark.sshd, NEEDS_KDC]
DELEGATE = TINY + "c.SSHSpawner.ssh_gss_delegate = True\n"


def of_session(account: Account) -> list[Path]:
    """The caches that sshd has made for sessions of the account."""
    return list(Path("/tmp").glob(f"krb5cc_{account.uid}_*"))


def of_server(account: Account) -> Path:
    """The cache that the server of the account was told."""
    kind, _, path = account.environment()[b"KRB5CCNAME"].decode().partition(":")
    assert kind == "FILE"
    return Path(path)


def use(account: Account) -> str:
    """Get a ticket for a service with it, as the server could; what klist says then."""
    cache = f"FILE:{of_server(account)}"
    account.run("kvno", "-c", cache, "host/localhost")
    account.run("klist", "-s", "-c", cache)
    return account.run("klist", "-c", cache).decode()


def test_it_serves_the_server_until_that_ends(
    gss_hub: Callable[..., Hub], account: Callable[..., Account], kdc: Kdc
) -> None:
    """Two users, each with their own. sshd deletes its caches when the hub's connections end."""
    users = [account(), account()]
    one = gss_hub(DELEGATE)
    for user in users:
        kdc.ticket(user, "-f")
        one.request_start(user.name)
    for user in users:
        one.wait_ready(user.name)
        assert of_session(user)
    one.kill()
    for user in users:
        wait_until(lambda: not of_session(user), message="sshd has kept its cache")  # noqa: B023
        cache = of_server(user)
        assert cache.is_relative_to(user.home / ".jupyterhub-ssh")
        assert cache.stat().st_uid == user.uid
        assert stat.S_IMODE(cache.stat().st_mode) == 0o600
        assert stat.S_IMODE(cache.parent.stat().st_mode) == 0o700
        said = use(user)
        assert f"Default principal: {user.name}@{REALM}" in said
        assert f"host/localhost@{REALM}" in said
    one.start()
    for user in users:
        one.stop(user.name)
        assert not of_server(user).parent.exists()
        user.check_gone()


def test_a_later_ticket_reaches_a_running_server(
    gss_hub: Callable[..., Hub], account: Callable[..., Account], kdc: Kdc, gss_node: Sshd
) -> None:
    """By a poll, which signs in anew with it; polls after that do not."""
    alice = account()
    kdc.ticket(alice, "-f")
    one = gss_hub(DELEGATE)
    one.spawn(alice.name)
    first = ccache.read(str(of_server(alice)))
    assert first
    wait_until(lambda: time.time() >= first.issued + 1)  # issued in another second
    kdc.ticket(alice, "-f")

    def renewed() -> bool:
        now = ccache.read(str(of_server(alice)))
        return bool(now and now.issued > first.issued)

    wait_until(renewed, message="the server has the old ticket still")
    use(alice)
    assert stat.S_IMODE(of_server(alice).stat().st_mode) == 0o600
    assert gss_node.log.read_text().count(f"Accepted gssapi-with-mic for {alice.name} from") == 2
    cache = of_server(alice)
    os.kill(next(iter(alice.servers())), 9)
    wait_until(lambda: not one.server(alice.name), message="its end was not seen")
    assert not cache.parent.exists()


@pytest.mark.parametrize("kind", ["FILE", "DIR"])
def test_one_that_is_not_forwardable_is_told_and_starts_nothing(
    gss_hub: Callable[..., Hub], account: Callable[..., Account], kdc: Kdc, kind: str
) -> None:
    """GSSAPI delegates nothing then and says nothing (RFC 2743, 2.2.1: deleg_state is a result). A
    file is looked at before the hub signs in, another cache shows it while it does."""
    alice = account()
    kdc.ticket(alice, "-F", kind=kind)
    one = gss_hub(DELEGATE, kind=kind)
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert "so the server cannot have one" in told
    assert "forwardable (kinit -f)" in told or "forwardable one (kinit -f)" in told
    assert alice.name in one.tail(about="Cannot start")
    assert not (alice.home / "environment").exists()
    kdc.ticket(alice, "-f", kind=kind)
    one.spawn(alice.name)
    use(alice)


def test_without_delegation_the_server_gets_none(
    gss_hub: Callable[..., Hub], account: Callable[..., Account], kdc: Kdc
) -> None:
    """A forwardable ticket stays on the hub; one that is not is good enough."""
    alice = account()
    kdc.ticket(alice, "-f")
    one = gss_hub(TINY)
    one.spawn(alice.name)
    assert b"KRB5CCNAME" not in alice.environment()
    assert not of_session(alice)


INTO_A_DIRECTORY = """
mkdir -p ~/cc && cp "${KRB5CCNAME#FILE:}" ~/cc/tkt && export KRB5CCNAME=DIR:$HOME/cc
"""


def test_a_session_whose_cache_is_no_file(
    gss_hub: Callable[..., Hub], account: Callable[..., Account], kdc: Kdc
) -> None:
    """Fedora's sshd makes such. libkrb5 copies it; where it cannot, the start says so."""
    alice, bob, carol = account(), account(), account()
    alice.write(".bashrc", INTO_A_DIRECTORY)
    bob.write(".bashrc", "export KRB5CCNAME=KCM:\n")
    carol.write(".bashrc", "unset KRB5CCNAME\n")
    one = gss_hub(DELEGATE)
    for user in (alice, bob, carol):
        kdc.ticket(user, "-f")
        one.request_start(user.name)
    one.wait_ready(alice.name)
    assert stat.S_IMODE(of_server(alice).stat().st_mode) == 0o600
    use(alice)
    told = one.wait_failed(bob.name)
    assert "cannot keep the delegated Kerberos ticket (KCM:): krb5_cc_resolve: No KCM" in told
    assert "this session has no delegated Kerberos ticket" in one.wait_failed(carol.name)
    for user in (bob, carol):
        assert not (user.home / "environment").exists()
        assert not list(user.home.glob(".jupyterhub-ssh/*/secrets"))
