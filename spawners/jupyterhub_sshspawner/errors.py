"""What can go wrong, as one small tree, cut by what the hub should do about it."""

from __future__ import annotations


class SSHSpawnerError(Exception):
    """Root of the tree.

    ``str(error)`` is safe to show to the user; ``detail`` is for the hub's log alone. ``reason``
    and ``status`` are what the hub's metrics and the HTTP reply carry. ``never_ran`` is true when
    it is certain that the request did nothing on the node.
    """

    reason = "ssh"
    status = 500
    never_ran = False

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class Misconfigured(SSHSpawnerError):
    """The configuration cannot work; only an administrator can help."""

    reason = "config"


class HostRefused(SSHSpawnerError):
    """The user asked for a host that is not allowed, or in a way that makes no sense."""

    reason = "host"
    status = 400


class OptionsRefused(SSHSpawnerError):
    """The user's options are none of those that are offered."""

    reason = "options"
    status = 400


class NoCapacity(SSHSpawnerError):
    """Every allowed host is full."""

    reason = "capacity"
    status = 503


class Unreachable(SSHSpawnerError):
    """No connection, or it broke: says nothing about the server on the other side."""

    reason = "unreachable"
    status = 503
    everybody = True  # it would meet others, too: they need not try this host for a while


class ConnectionBroke(Unreachable):
    """There was a connection, and it broke or fell silent in the middle of a request."""


class SilentShell(Unreachable):
    """There is a session, and the login shell in it does not come to running our launcher."""

    reason = "login-shell"


class Hangs(Unreachable):
    """Our launcher runs, and something on its node that it needs does not answer it."""

    reason = "node-hangs"


class SessionRefused(Unreachable):
    """There is a connection, and sshd allows no session on it: says nothing about servers."""

    reason = "ssh-sessions"
    never_ran = True


class HostClosed(Unreachable):
    """The node refuses everybody, as while an administrator drains it: the next one is tried."""

    reason = "closed"
    everybody = False  # until more than one account has met it


class SlowSignIn(Unreachable):
    """The host answers, and does not come to letting us in: perhaps this account's home hangs."""

    reason = "sign-in"
    everybody = False  # as above


class AuthenticationRefused(SSHSpawnerError):
    """The node refused our credentials. Never repeated at once: sshd punishes the hub's address."""

    reason = "ssh-auth"
    status = 403


class AccountRefused(AuthenticationRefused):
    """The node accepts our credentials, and does not admit the account: expired, or shut out."""

    reason = "ssh-account"


class NoTicket(AuthenticationRefused):
    """The user has no Kerberos ticket, or none of use; nobody was asked to believe it."""

    reason = "kerberos-ticket"


class KdcSilent(SSHSpawnerError):
    """No KDC answers: no fault of the host, and no other host would do better."""

    reason = "kdc"
    status = 503


class HostKeyRefused(SSHSpawnerError):
    """The node is not proven to be the node we mean. No failover: it may be an attack."""

    reason = "host-key"
    status = 502


class BadReply(SSHSpawnerError):
    """What came back is not a reply of our launcher."""

    reason = "reply"
    status = 502


class NeverRan(BadReply):
    """The login shell ended before our launcher ran: nothing was done on the node."""

    reason = "login-shell"
    status = 500
    never_ran = True


class LaunchFailed(SSHSpawnerError):
    """The launcher ran and says why the server does not."""

    reason = "launch"
    status = 500
