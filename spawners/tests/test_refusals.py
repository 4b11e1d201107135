"""Which refusals of a sign-in are an account's and which are a host's. No node is asked."""

from __future__ import annotations

import pytest

from jupyterhub_sshspawner.errors import AccountRefused, HostClosed, SSHSpawnerError
from jupyterhub_sshspawner.ssh.dialing import Target
from jupyterhub_sshspawner.ssh.refusals import Refusals, is_about_one

EXPIRED = "Your account has expired; please contact your system administrator."


def target(user: str, host: str = "node1") -> Target:
    return Target(user, host, host, 22, user, host)


def heard(refusals: Refusals, user: str, said: str = "") -> SSHSpawnerError:
    return refusals.account_phase(target(user), said, "detail")


@pytest.mark.parametrize(
    "words",
    [
        EXPIRED,  # pam_unix, pam_unix_acct.c
        "The account is locked due to 3 failed logins.",  # pam_faillock
        "Access denied: user alice (uid=1000) has no active jobs on this node.",  # pam_slurm_adopt
        "You are required to change your password immediately.",  # pam_unix
        "alice: not before 9 o'clock",
    ],
)
def test_words_about_an_account(words: str) -> None:
    assert is_about_one(words, "alice")


@pytest.mark.parametrize(
    "words",
    [
        # systemd's user-sessions and shutdown write these into /run/nologin
        "System is going down. Unprivileged users are not permitted to log in anymore.",
        '"System is booting up. Unprivileged users are not permitted to log in yet."',
        "Kernel upgrade until Monday noon; every user is welcome again after that",
    ],
)
def test_words_about_a_host(words: str) -> None:
    assert not is_about_one(words, "al")


def test_one_account_is_refused_however_often() -> None:
    refusals = Refusals()
    for _ in range(5):
        assert isinstance(heard(refusals, "eve"), AccountRefused)
        assert isinstance(heard(refusals, "eve", EXPIRED), AccountRefused)


def test_a_host_with_words_is_closed_and_to_all_when_two_have_heard_them() -> None:
    refusals = Refusals()
    seen = [heard(refusals, name, "drained\r\n") for name in ("alice", "alice", "bob")]
    assert [isinstance(one, HostClosed) and one.everybody for one in seen] == [False, False, True]
    assert all("says: drained" in str(one) for one in seen)


def test_expired_accounts_and_somebody_who_gets_in() -> None:
    refusals = Refusals()
    for name in ("eve", "mallory"):
        assert isinstance(heard(refusals, name, EXPIRED), AccountRefused)
    refusals.let_in(target("alice"))
    assert isinstance(heard(refusals, "oscar", EXPIRED), AccountRefused)


def test_a_refusal_is_forgotten_after_a_minute() -> None:
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    refusals.remember(target("eve"), heard(refusals, "eve"))
    refusals.check(target("eve", "node2"))
    refusals.check(target("alice"))
    with pytest.raises(AccountRefused, match="a moment ago") as caught:
        refusals.check(target("eve"))
    assert (caught.value.status, caught.value.reason) == (403, "ssh-account")
    assert "wait a minute" in caught.value.detail  # which the log has instead
    now[0] = 60.0
    refusals.check(target("eve"))


@pytest.mark.parametrize(
    ("status", "said", "error"),
    [
        # session.c, do_pwchange
        (1, "WARNING: Your password has expired.\nPassword change required but no TTY available.",
         AccountRefused),
        (1, "This account is currently not available.", AccountRefused),  # nologin(8)
        (254, "drained until Monday", HostClosed),  # session.c, do_nologin
        (254, "There were too many logins for 'eve'.", AccountRefused),  # pam_limits
        (254, "", None),
        (1, "out of order", None),
        (0, "", None),
    ],
)  # fmt: skip
def test_what_sshd_says_instead_of_running_a_command(
    status: int, said: str, error: type[SSHSpawnerError] | None
) -> None:
    found = Refusals().of_command(target("eve"), status, said)
    assert (type(found) if found else None) is error
