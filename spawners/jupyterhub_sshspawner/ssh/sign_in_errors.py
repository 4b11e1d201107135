"""What it means that a sign-in failed, in our words: whose doing it is, and what to look at."""

from __future__ import annotations

from dataclasses import replace

import asyncssh

from ..errors import (
    AuthenticationRefused,
    HostKeyRefused,
    Misconfigured,
    SlowSignIn,
    SSHSpawnerError,
    Unreachable,
)
from .dialing import Hop, Target
from .trust import Access

# what asyncssh raises, as they come, for an argument that is of no use to it
WRONG_VALUES = (TypeError, OverflowError, AttributeError, AssertionError)


def met(hop: Hop | None, target: Target) -> Target:
    """The machine that was asked: one on the way, or the target itself."""
    if hop is None:
        return target
    return replace(target, host=f"the jump host {hop.address}", address=hop.address,
                   port=hop.port, username=hop.username or target.username, jumps=())  # fmt: skip


def described(error: BaseException, who: Target) -> str:
    """For the log: where, and what asyncssh or the system says."""
    return f"{who.host} ({who.address} port {who.port}): {type(error).__name__}: {error}"


def explain(
    error: BaseException, hop: Hop | None, target: Target, access: Access
) -> SSHSpawnerError:
    """Our word for what asyncssh or the system says of a machine that was asked."""
    who = met(hop, target)
    detail = described(error, who)
    if isinstance(error, asyncssh.HostKeyNotVerifiable | asyncssh.KeyExchangeFailed):
        return HostKeyRefused(f"the identity of {who.host} could not be verified", detail)
    # MaxAuthTries: "Too many authentication failures"
    too_many = isinstance(error, asyncssh.DisconnectError) and "auth" in str(error).casefold()
    if isinstance(error, asyncssh.PermissionDenied) or too_many:
        return AuthenticationRefused(f"{who.host} refused the login", detail)
    wrong = _of_the_configuration(error, access, detail)
    if wrong:
        return wrong
    if isinstance(error, asyncssh.ChannelOpenError) and target.jumps:
        return _not_forwarded(error, hop, target)
    way = "" if hop is None else f", on the way to {target.host},"
    if isinstance(error, TimeoutError) and "sign_in_timeout" in str(error):
        return SlowSignIn(
            f"{who.host}{way} answers, but did not let {who.username} in ({error}): PAM there "
            "hangs, or the home directory with its authorized_keys, or too many sign in at once",
            detail,
        )
    if isinstance(error, TimeoutError) and str(error):  # which says after how long, and the trait
        return Unreachable(f"{who.host}{way} cannot be reached: {error}", detail)
    return Unreachable(f"{who.host}{way} cannot be reached", detail)


def _of_the_configuration(
    error: BaseException, access: Access, detail: str
) -> Misconfigured | None:
    where = "SSHSpawner.ssh_options or ssh_config_files"
    if isinstance(error, OSError) and error.filename is not None:  # the network's have none
        return Misconfigured(f"{where}: cannot use {error.filename}: {error.strerror}", detail)
    if isinstance(error, asyncssh.ConfigParseError | UnicodeDecodeError) or (
        type(error) is ValueError  # a UnicodeError may be of a host's name
    ):
        return Misconfigured(f"{where}: asyncssh cannot use what they say", detail)
    if isinstance(error, WRONG_VALUES) and access.options:
        words = "SSHSpawner.ssh_options: asyncssh cannot use a value of them"
        return Misconfigured(words, detail)
    return None


def _not_forwarded(
    error: asyncssh.ChannelOpenError, hop: Hop | None, target: Target
) -> Unreachable:
    """The jump host before it answers, and opens no connection to the machine that was asked."""
    at = len(target.jumps) if hop is None else target.jumps.index(hop)
    before = target.jumps[at - 1]
    next_one = met(hop, target).host
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        words = (
            f"the jump host {before.address} does not forward to {next_one}: see "
            "AllowTcpForwarding, PermitOpen and DisableForwarding there, and the options of the key"
        )
    else:
        words = f"the jump host {before.address} cannot reach {next_one}: {error.reason}"
    return Unreachable(words, f"{words} ({error!r})")
