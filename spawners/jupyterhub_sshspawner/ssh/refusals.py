"""Sign-ins that a node refused: of one account, or of everybody, and what may be tried again.

sshd accepts the key, asks PAM's account phase, and hangs up when that says no ("Access denied for
user … by PAM account configuration"): an expired account, pam_access, ``/etc/nologin``. The client
gets PAM's words, if there are any, and the end of the connection. Each refusal counts for
PerSourcePenalties (OpenSSH 9.8), which is why none is repeated within ``REFUSED_FOR``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import AccountRefused, HostClosed, SSHSpawnerError
from .dialing import Target
from .sign_in_errors import met

REFUSED_FOR = 60.0  # seconds for which a refused login is not tried again (PerSourcePenalties)
SILENT = 3
"""Different accounts, refused in a row, that make a host count as closed."""
SAME_WORDS = 2
"""The same, when both heard the same words, and those were not about an account."""

# What the modules of PAM say about one account: pam_unix, pam_faillock, pam_sss, pam_slurm_adopt.
_ABOUT_ONE = re.compile(
    r"\baccount\b[^.]*\b(expired?|locked|disabled|inactiv\w+|suspended|not (allowed|permitted))"
    r"|\bpassword\b|\b(access|permission|authentication)( is)? denied",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass
class Refusals:
    """What is remembered of them, for all users of one hub."""

    clock: Callable[[], float] = time.monotonic
    _refused: dict[tuple[str, str, str], tuple[float, SSHSpawnerError]] = field(
        default_factory=dict
    )
    _slow: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)
    _in_a_row: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)

    def check(self, target: Target) -> None:
        """Raise what the node, or a machine on the way, said if it refused us a moment ago."""
        for who in (target, *(met(hop, target) for hop in target.jumps)):
            until, error = self._refused.get(_who(who), (0.0, None))
            if error is None or until <= self.clock():
                continue
            again = f"{who.host} refused this login a moment ago; wait a minute before trying again"
            if isinstance(error, AccountRefused | HostClosed):
                again = f"{error} (a moment ago; wait a minute before trying again)"
            raise type(error)(again, f"{again} ({error.detail})")

    def remember(self, target: Target, error: SSHSpawnerError) -> None:
        """Do not try this login again for a while."""
        self._refused[_who(target)] = (self.clock() + REFUSED_FOR, error)

    def let_in(self, target: Target) -> None:
        """Neither the node nor a machine on the way refuses everybody."""
        ways = [(target.address, target.port), *((hop.address, hop.port) for hop in target.jumps)]
        for way in ways:
            self._in_a_row.pop(way, None)
            self._slow.pop(way, None)

    def is_slow_to_all(self, target: Target) -> bool:
        """Note that it did not let an account in in time; true if others have met that lately."""
        row = self._slow.setdefault((target.address, target.port), {})
        row[target.username] = now = self.clock()
        return sum(when > now - REFUSED_FOR for when in row.values()) >= SAME_WORDS

    def account_phase(self, target: Target, said: str, detail: str) -> SSHSpawnerError:
        """What it means that the node hung up on an account whose key or password it accepted."""
        words = plain(said)
        row = self._in_a_row.setdefault((target.address, target.port), {})
        row[target.username] = words
        general = bool(words) and not is_about_one(words, target.username)
        alike = sum(other == words for other in row.values())
        everybody = len(row) >= SILENT or (general and alike >= SAME_WORDS)
        if general or everybody:
            return closed(target, words, detail, everybody)
        return refused(target, words, detail)

    def of_command(self, target: Target, status: int | None, said: str) -> SSHSpawnerError | None:
        """What sshd itself said instead of running a command, if it did (its session.c)."""
        if status == 1 and "Password change required" in said:
            message = (
                f"the password of {target.username} on {target.host} has expired: sign in there "
                "with a terminal (ssh) and set a new one"
            )
            return AccountRefused(message, f"{message}; sshd said: {said!r}")
        if status == 1 and "This account is currently not available" in said:
            message = (
                f"{target.host} does not admit the account {target.username}: its login shell is "
                f"nologin; ask an administrator of {target.host}"
            )
            return AccountRefused(message, f"{message}; it said: {said!r}")
        words = plain(said)
        if status == 254 and words:  # do_nologin, where UsePAM is off; PAM's session phase
            if is_about_one(words, target.username):
                return refused(target, words, "its sshd runs no command")
            return closed(target, words, "its sshd runs no command", everybody=False)
        return None


def refused(target: Target, words: str, detail: str) -> AccountRefused:
    """The error for one account."""
    why = f", and said: {words}" if words else ""
    message = (
        f"{target.host} refused the login: it does not admit the account {target.username} "
        f"(expired, or shut out by its PAM rules){why}; ask an administrator of {target.host}"
    )
    return AccountRefused(
        message,
        f"{message}. {detail}: its sshd had accepted the key or password, so this is PAM's "
        "account or session phase; see its log, `chage -l`, pam_access, pam_limits",
    )


def closed(target: Target, words: str, detail: str, everybody: bool) -> HostClosed:
    """The error for a host that is closed to all; ``everybody`` if more than one has met it."""
    why = f", and says: {words}" if words else " (several accounts in a row were refused)"
    message = f"{target.host} is closed: it refuses logins{why}"
    error = HostClosed(message, f"{message}. {detail}: see /etc/nologin there, and its sshd's log")
    error.everybody = everybody
    return error


def is_about_one(words: str, username: str) -> bool:
    """Whether the words are about an account, and not about the host.

    ``/etc/nologin`` may say anything, so what does not look like a module's word on an account is
    the host's.
    """
    name = rf"(?<!\w){re.escape(username)}(?!\w)"
    return bool(_ABOUT_ONE.search(words) or re.search(name, words, re.IGNORECASE))


def plain(said: str) -> str:
    """A node's words on one line, without what moves a terminal's cursor."""
    return _CONTROL.sub(" ", said).strip()[:500]


def _who(target: Target) -> tuple[str, str, str]:
    return (target.owner, target.host, target.username)
