"""Signing in by GSSAPI (Kerberos) with a user's own credentials.

They are named for each connection and never by the environment, which all users would share (LLNL's
spawner sets KRB5CCNAME in the hub's process, so that one user's ticket serves the next).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import KdcSilent, Misconfigured, NoTicket
from ..launcher import ccache
from .kdcs import shared_kdcs

if TYPE_CHECKING:
    from .gss_client import ReadyClient

log = logging.getLogger(__name__)

# Minor codes of MIT Kerberos (its krb5_err.et), as GSSAPI has them: 32 bits, without a sign.
_BASE = 2**32 - 1765328384
EXPIRED = {_BASE + 32}  # KRB5KRB_AP_ERR_TKT_EXPIRED
CREDENTIALS_EXPIRED = 11 << 16  # GSS_S_CREDENTIALS_EXPIRED (RFC 2744, 3.9.1), a major code
NO_SERVICE = {_BASE + 7}  # KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN
NO_KDC = {_BASE + 154, _BASE + 156}  # KRB5_REALM_UNKNOWN, KRB5_KDC_UNREACH
NO_CACHE = {_BASE + 141, _BASE + 195}  # KRB5_CC_NOTFOUND, KRB5_FCC_NOFILE

MISSING = "there is no Kerberos ticket of yours on the hub: sign in again"
LAPSED = "your Kerberos ticket has expired: sign in again, or renew it (kinit)"
NOT_FORWARDABLE = (
    "your Kerberos ticket is not forwardable, so the server cannot have one: get a forwardable one "
    "(kinit -f)"
)
NOT_FORWARDED = (
    "your Kerberos ticket could not be forwarded, so the server cannot have one: it is not "
    "forwardable (kinit -f), or its KDC did not allow that or did not answer"
)


@dataclass(frozen=True)
class Seen:
    """What can be seen of a user's credentials without asking anybody."""

    ticket: ccache.Ticket | None = None
    where: str = ""
    missing: bool = False
    unreadable: str = ""

    @property
    def issued(self) -> int:
        """When the ticket was, in seconds since 1970; 0 if there is none or it cannot be seen."""
        return self.ticket.issued if self.ticket and self.ticket.ends > time.time() else 0

    @property
    def realm(self) -> str:
        """Whose KDC is asked; '' if it cannot be seen, as for caches that are no files."""
        return self.ticket.realm if self.ticket else ""


def look(store: Mapping[str, str]) -> Seen:
    """Read the cache that the store names, if it is a file. Blocks as long as a disk does."""
    path = ccache.path_of(store.get("ccache", ""))
    if not path or "%{" in path:
        return Seen()
    try:
        return Seen(ccache.read(path), path)
    except FileNotFoundError:
        # with a keytab of its own, GSSAPI gets a ticket where there is none
        return Seen(where=path, missing="client_keytab" not in store)
    except OSError as error:
        return Seen(where=path, unreadable=error.strerror or str(error))


def check(seen: Seen, store: Mapping[str, str], delegate: bool = False) -> None:
    """Raise what can be said without asking a KDC. ``delegate``: it must be forwardable as well."""
    if seen.unreadable:
        raise Misconfigured(
            f"SSHSpawner.ssh_gss_store: cannot read {seen.where}: {seen.unreadable}"
        )
    if seen.missing:
        raise NoTicket(MISSING, f"{MISSING} ({seen.where})")
    ticket = seen.ticket
    if ticket is None or "client_keytab" in store:
        return
    if ticket.ends <= time.time():
        at = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(ticket.ends))
        raise NoTicket(LAPSED, f"{LAPSED}. That of {ticket.client} in {seen.where} ended {at}")
    if delegate and not ticket.forwardable:
        raise NoTicket(
            NOT_FORWARDABLE, f"{NOT_FORWARDABLE}. It is that of {ticket.client} in {seen.where}"
        )


@dataclass(frozen=True)
class SignIn:
    """A context with its first token, so that asyncssh has nothing to ask a KDC for."""

    arguments: dict[str, Any]
    gss: Any
    undelegated: bool

    def prepare(self, connection: Any) -> None:
        """Let a new connection use it.

        asyncssh has no argument for a context, and the one that it makes asks the KDC again for a
        ticket to delegate, in threads where names wait to be looked up. Should it keep its own
        elsewhere some day, it will do that.
        """
        if hasattr(connection, "_gss"):
            connection._gss = self.gss


async def sign_in(
    host: str, store: Mapping[str, str], seen: Seen, delegate: bool, seconds: float
) -> SignIn:
    """Get what it takes to sign in to the host of this name, from a KDC if need be.

    Raises NoTicket; Misconfigured, for a service that the KDC does not know; and KdcSilent, when
    it has not answered after so many seconds.
    """
    check(seen, store)
    # hosts of one domain are of one realm, whose KDC is asked as well
    about = (seen.realm, host.partition(".")[2])
    gss = await shared_kdcs().ask(about, lambda: _client(host, store, delegate), seconds)
    undelegated = delegate and not gss.delegates
    if undelegated:
        log.warning("%s: %s", host, NOT_FORWARDED)
    arguments = {
        "gss_host": host,
        "gss_store": dict(store),
        "gss_auth": True,
        # the node's host key still has to be the known one, so the key exchange is not GSSAPI's
        "gss_kex": False,
        "gss_delegate_creds": delegate,
    }
    return SignIn(arguments, gss, undelegated)


def _client(host: str, store: Mapping[str, str], delegate: bool) -> ReadyClient:
    """Blocks until the KDC has answered."""
    try:
        from gssapi.exceptions import GSSError

        from .gss_client import ReadyClient
    except (ImportError, OSError) as error:
        raise Misconfigured(
            "SSHSpawner.ssh_gssapi needs the Python package gssapi: "
            "pip install jupyterhub-sshspawner[gssapi]"
        ) from error
    try:
        return ReadyClient(host, dict(store), delegate)
    except GSSError as error:
        raise _explain(error, host) from error


def _explain(error: Any, host: str) -> Exception:
    """Our word for what GSSAPI and the KDC say."""
    code, detail = error.min_code, f"{host}: {error}"
    if code in NO_SERVICE:
        words = (
            f"the KDC knows no principal host/{host}: set gss_host of this host in "
            "SSHSpawner.hosts to the name in the node's own principal (klist -k, there); that of a "
            "jump host must be its address in jump_hosts"
        )
        return Misconfigured(words, f"{words}. {detail}")
    if code in NO_KDC:
        words = "the Kerberos server (KDC) cannot be reached: tell an administrator"
        return KdcSilent(words, f"{words}. {detail}")
    if code in EXPIRED or error.maj_code & 0xFF0000 == CREDENTIALS_EXPIRED:
        return NoTicket(LAPSED, f"{LAPSED}. {detail}")
    if code in NO_CACHE:
        return NoTicket(MISSING, f"{MISSING}. {detail}")
    words = f"there is no valid Kerberos ticket for {host}: sign in again"
    return NoTicket(words, f"{words}. {detail}")
