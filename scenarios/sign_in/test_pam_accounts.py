"""PAM lets in who has a good account on the hub's host, by the name as it was typed.

Why it matters: users' accounts are on the nodes, often from a directory, and the hub's host has
its own view of them. What it refuses looks like a wrong password; what it takes is another name
than PAM was asked for; and the nodes' accounts and groups count for nothing until a server
starts.

Sources:
- JupyterHub documentation, "The default PAM Authenticator": "for logging in with local user
  accounts via a username and password"; jupyterhub 6.1.1, auth.py,
  `PAMAuthenticator.authenticate`: PAM is asked for `data['username']`, and
  `get_authenticated_user` normalizes the name that came back; `check_account`: "Disabling this
  can be dangerous as authenticated but unauthorized users may be granted access".
- pamela 1.2.0, `authenticate`: "check: If True (default) Check that account is valid".
- Debian 13, /etc/pam.d/common-account: of pam_unix's answers success and new_authtok_reqd count,
  the others are ignored, and pam_deny follows, whose answer is PAM_AUTH_ERR, 7 (pam_deny(8)). An
  expired account is one of the others; an overdue password is new_authtok_reqd, 12 (pam_unix(8),
  _pam_types.h).
- Debian 13, /etc/pam.d/login: pam_nologin stands among `auth`, nothing of the login shell.
- auth.py, `Authenticator.normalize_username`: lower case; `LocalAuthenticator.add_user`:
  KeyError for who "does not exist on the system"; handlers/base.py, `auth_to_user`, makes the
  row before.
- auth.py, `pam_normalize_username`: "Round-trip the username via PAM lookups to make sure it is
  unique. PAM can accept multiple usernames that map to the same user, for example
  DOMAIN\\username" (the name is looked up with getpwnam, its uid with getpwuid).
- auth.py, `allowed_groups`: "Allow login from all users in these UNIX groups"; `admin_groups`:
  "Authoritative list of user groups that determine admin access ... allowed/blocked rules still
  apply".
"""

from __future__ import annotations

import asyncio
import re

import pytest

from hublab.scenario import Ask, Case, LiveLab, ask, credentials, table_rows

from .forms import at_the_form
from .host_accounts import ACCOUNTS, as_before, make_account, write

CHECK, NORMALIZE = (
    f"hub.PAMAuthenticator.{trait}" for trait in ("check_account", "pam_normalize_username")
)
ADMINS, ALLOW_ALL = "hub.Authenticator.admin_users", "hub.Authenticator.allow_all"
WRONG = b"Invalid username or password"
FAILED = re.compile(r"PAM Authentication failed \('([^']+)'@[^)]*\): \[PAM Error (\d+)\]")
NO_SUCH_USER = "does not exist on the system"
ENTRIES = (
    ("expired", ("chage", "--expiredate", "1"), 7),
    ("locked", ("usermod", "--lock"), 7),
    ("overdue", ("chage", "--lastday", "0"), 12),
    ("shellless", ("usermod", "--shell", "/usr/sbin/nologin"), None),
)
"""Accounts of the hub's host: what is done to each, and PAM's number of the refusal."""

pytestmark = pytest.mark.topology("lab", "pam")


async def signs_in(lab: LiveLab, name: str, password: str = "") -> tuple[int, bool]:
    """The status at the form, and whether it says that name or password are wrong."""
    answer = await at_the_form(
        lab, username=name, password=password or await lab.secret("password")
    )
    return answer.status, WRONG in answer.body


async def statuses(lab: LiveLab, *names: str) -> list[int]:
    """The statuses at the form, all at once: each refusal takes PAM some seconds."""
    found = await asyncio.gather(*(signs_in(lab, name) for name in names))
    return [status for status, _ in found]


async def rows(lab: LiveLab) -> dict[str, bool]:
    """The hub's users, and who of them is an admin."""
    return {str(row["name"]): bool(row["admin"]) for row in await table_rows(lab, "users")}


@pytest.mark.finding(
    "check_account = False changes nothing, and a refused account reads as a wrong password",
    project="jupyterhub",
    steps="PAMAuthenticator with pamela 1.2 and check_account = False; sign in with the right "
    "password of an account that is expired (chage --expiredate 1), on Debian 13.",
    expected="The account is not checked, of which the documentation of check_account warns; with "
    "True the log says 'PAM Account Check failed'.",
    seen="403, and 'PAM Authentication failed: [PAM Error 7] Authentication failure' in "
    "the log, as for a wrong password: pamela.authenticate checks the account itself, and Debian's "
    "common-account turns every reason into pam_deny's. 'PAM Account Check failed' never appears.",
)
@pytest.mark.matrix(CHECK, [False])
@pytest.mark.sabotage("hub.snippet", "../changes/pam_checks_once.py")
async def test_who_gets_in(lab: LiveLab) -> None:
    """Expired, locked or overdue: told what a wrong password is told, and no row; the log tells the
    overdue one apart, and no other. A login shell that is none keeps nobody out.
    """
    async with as_before(lab, "hub", *ACCOUNTS):
        for name, command, _ in ENTRIES:
            await make_account(lab, name)
            await lab.run("hub", *command, name)
        names = [name for name, _, _ in ENTRIES]
        found = await asyncio.gather(
            signs_in(lab, "alice"),
            signs_in(lab, "bob", "wrong"),
            *(signs_in(lab, n) for n in names),
        )
    refused = {name: number for name, _, number in ENTRIES if number} | {"bob": 7}
    seen = dict(zip(["alice", "bob", *names], found, strict=True))
    assert seen == {name: (403, True) if name in refused else (302, False) for name in seen}
    log = await lab.hub_log()
    assert {name: int(number) for name, number in FAILED.findall(log)} == refused
    assert "PAM Account Check failed" not in log
    assert set(await rows(lab)) == {"admin", "alice", "shellless"}


@pytest.mark.sabotage("hub.PAMAuthenticator.service", "passwd")
async def test_nologin_of_the_hubs_host(lab: LiveLab) -> None:
    """/etc/nologin shuts everybody out where the hub is, its administrator too; who is in stays in.
    That of a node shuts nobody out of the hub.
    """
    alice = await lab.enter(credentials(lab, "alice"))
    secret = await lab.secret("admin_password")
    async with as_before(lab, "node1", "/etc/nologin"):
        await write(lab, "node1", "/etc/nologin", "closed\n")
        assert await signs_in(lab, "bob") == (302, False)
    async with as_before(lab, "hub", "/etc/nologin"):
        await write(lab, "hub", "/etc/nologin", "closed\n")
        bob, admin = await asyncio.gather(signs_in(lab, "bob"), signs_in(lab, "admin", secret))
        assert (bob, admin) == ((403, True), (403, True))
        assert (await ask(lab, Ask("/hub/home"), alice)).status == 200
    assert await signs_in(lab, "admin", secret) == (302, False)


@pytest.mark.finding(
    "An account with a capital letter gets 500 and leaves a row of a user who cannot exist",
    project="jupyterhub",
    steps="PAMAuthenticator; sign in as Frieda, an account of the hub's host, with the right "
    "password; then as frieda.",
    expected="She is signed in, or refused and told why: the authenticator knows the account.",
    seen="500: PAM has taken Frieda, the name is made lower case, and 'User frieda does not exist "
    "on the system'. The row of frieda was made before and stays. As frieda she is 403, for PAM is "
    "asked for the name as it is typed.",
)
@pytest.mark.issue("jupyterhub#2263", happens=True, workaround="pam_normalize_username = True")
@pytest.mark.matrix(NORMALIZE, [False, True])
async def test_names(lab: LiveLab, case: Case) -> None:
    """PAM is asked for the name as typed, and the row is in lower case: capitals fail either way.
    Two names of one account are two users. With PAM's names normalized neither is so, but that
    lower-case accounts want lower-case letters.
    """
    normalized = case[NORMALIZE] is True
    async with as_before(lab, "hub", *ACCOUNTS):
        await make_account(lab, "Frieda", "--badname")
        uid = (await lab.run("hub", "id", "-u", "alice")).strip()
        await make_account(lab, "alice@lab", "--badname", "--non-unique", "--uid", uid)
        typed = ("alice", "Alice", "alice@lab", "Frieda", "frieda")
        seen = dict(zip(typed, await statuses(lab, *typed), strict=True))
        for_frieda = 302 if normalized else 500
        assert seen == dict(zip(typed, (302, 403, 302, for_frieda, 403), strict=True))
        left = {"Frieda"} if normalized else {"frieda", "alice@lab"}
        assert set(await rows(lab)) == {"admin", "alice", *left}
        assert (f"User frieda {NO_SUCH_USER}" in await lab.hub_log()) != normalized


@pytest.mark.finding(
    "With pam_normalize_username one name that the host does not know ends the hub",
    project="jupyterhub",
    steps="pam_normalize_username = True, admin_users = {'admin', 'retired'}; the host has no "
    "account 'retired'; start the hub.",
    expected="It starts and logs that 'retired' does not exist, as without the option.",
    seen="\"KeyError: getpwnam(): name not found: 'retired'\", exit code 1. So a hub whose "
    "accounts come from a directory on another host does not start while that is away.",
)
@pytest.mark.may_refuse
@pytest.mark.matrix(ADMINS, [["admin", "retired"]])
@pytest.mark.matrix(NORMALIZE, [True])
@pytest.mark.sabotage(NORMALIZE, False)
async def test_a_name_without_an_account(lab: LiveLab) -> None:
    """A name in admin_users without an account ends the hub at its start, if that normalizes."""
    assert lab.refusal is not None
    assert (lab.refusal.role, lab.refusal.code) == ("hub", 1)
    assert "name not found: 'retired'" in lab.refusal.log


@pytest.mark.matrix(ALLOW_ALL, [False])
@pytest.mark.matrix("hub.PAMAuthenticator.allowed_groups", [["users"]])
@pytest.mark.matrix("hub.PAMAuthenticator.admin_groups", [["staff"]])
@pytest.mark.sabotage(ALLOW_ALL, True)
async def test_groups(lab: LiveLab) -> None:
    """Groups are those of the hub's host, read at a sign-in and at no other time. An admin's group
    lets nobody in by itself, and what it gave is taken at the next sign-in without it.
    """

    async def in_groups(host: str, groups: str) -> None:
        await lab.run(host, "usermod", "--groups", groups, "alice")

    async with as_before(lab, "hub", *ACCOUNTS), as_before(lab, "node1", *ACCOUNTS):
        await in_groups("node1", "users,staff")
        assert await signs_in(lab, "alice") == (403, True)
        await in_groups("hub", "staff")
        assert await signs_in(lab, "alice") == (403, True)
        assert "alice" not in await rows(lab)
        await in_groups("hub", "users,staff")
        alice = await lab.enter(credentials(lab, "alice"))
        assert (await rows(lab))["alice"]
        await in_groups("hub", "")
        assert (await ask(lab, Ask("/hub/home"), alice)).status == 200
        assert await signs_in(lab, "alice") == (403, True)
        assert (await rows(lab))["alice"]
        await in_groups("hub", "users")
        assert await signs_in(lab, "alice") == (302, False)
        assert not (await rows(lab))["alice"]
        assert (await ask(lab, Ask("/hub/home"), alice)).status == 200


@pytest.mark.matrix(ALLOW_ALL, [False])
@pytest.mark.matrix("hub.PAMAuthenticator.admin_groups", [["staff"]])
@pytest.mark.matrix("hub.PAMAuthenticator.allowed_groups", [[], ["staff"]])
async def test_an_administrators_group_alone(lab: LiveLab, case: Case) -> None:
    """Nobody gets in by it, and each member is told of a wrong password; allowed as a group, too,
    its members are in and administrators.
    """
    allowed = case["hub.PAMAuthenticator.allowed_groups"] == ["staff"]
    async with as_before(lab, "hub", *ACCOUNTS):
        await lab.run("hub", "usermod", "--groups", "staff", "alice")
        assert await signs_in(lab, "alice") == ((302, False) if allowed else (403, True))
        assert (await rows(lab)).get("alice", False) == allowed
    assert ("possible that nobody can login" in await lab.hub_log()) != allowed
