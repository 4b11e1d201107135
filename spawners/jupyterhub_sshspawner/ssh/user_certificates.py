"""SSH certificates that come as text, such as short-lived ones in a user's ``auth_state``.

They are kept in memory alone: on no disk of the hub, in no state of a server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.public_key import SSHOpenSSHCertificate

from ..errors import AuthenticationRefused, Misconfigured

if TYPE_CHECKING:
    from ..traits import SSHTraits

OF_A_USER = 1  # SSH2_CERT_TYPE_USER, OpenSSH's PROTOCOL.certkeys
WORDS = {  # as asyncssh says it
    "Certificate expired": "has expired: sign in again",
    "Certificate not yet valid": "is not valid yet: the clocks of hub and authority may differ",
    "Invalid certificate type": "is no certificate of a user",
}


def is_text(certificate: str) -> bool:
    """Whether this is a certificate itself, and not the name of a file."""
    return certificate.lstrip().startswith(("ssh-", "ecdsa-", "sk-"))


async def from_auth_state(spawner: SSHTraits) -> list[str]:
    """The certificate that the authenticator has put into the user's ``auth_state``."""
    key = spawner.ssh_client_cert_auth_state_key
    if not key:
        return []
    text = (await spawner.user.get_auth_state() or {}).get(key)
    if not isinstance(text, str) or not text.strip():
        raise AuthenticationRefused(
            "no SSH certificate of yours is known: sign in again",
            f"auth_state of {spawner.user.name} has no {key!r}",
        )
    return [text]


def certified(
    texts: Sequence[str], keys: Sequence[asyncssh.SSHKeyPair]
) -> list[asyncssh.SSHKeyPair]:
    """The keys that the certificates are for, with them; an error says why one is of no use.

    sshd has the last word. What the hub can see saves it a refused login, which has no words.
    The keys themselves are changed: asyncssh would not take a certificate for a key that has
    another one in a file beside it.
    """
    plain = {pair.public_data: pair for pair in keys if not pair.has_cert}
    found = []
    for text in texts:
        certificate = _valid(text)
        pair = plain.get(certificate.key.public_data)
        if pair is None:
            raise Misconfigured("your SSH certificate is for no key in SSHSpawner.ssh_client_keys")
        pair.set_certificate(certificate)
        found.append(pair)
    return found


def _valid(text: str) -> asyncssh.SSHCertificate:
    try:
        certificate = asyncssh.import_certificate(text)
    except (asyncssh.KeyImportError, UnicodeEncodeError) as error:
        raise AuthenticationRefused(
            "your SSH certificate cannot be read: it must be one line as ssh-keygen writes it"
        ) from error
    if not isinstance(certificate, SSHOpenSSHCertificate):
        raise AuthenticationRefused("your SSH certificate is none of OpenSSH's")
    try:
        certificate.validate(OF_A_USER, None)
    except ValueError as error:
        words = WORDS.get(str(error), f"is of no use: {error}")
        raise AuthenticationRefused(f"your SSH certificate {words}") from error
    return certificate
