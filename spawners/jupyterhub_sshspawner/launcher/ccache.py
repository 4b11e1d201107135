"""Reads a Kerberos credential cache of type FILE: whose it is, and what its ticket allows.

The format is documented in MIT Kerberos' "Credential cache file format" (versions 3 and 4; the
older ones went with Kerberos 1.0). Used on the hub and on the node, without a Kerberos library.
"""

from __future__ import annotations

import os
import stat
import struct

LARGEST = 1 << 20  # bytes; a cache with hundreds of tickets has a fifth of it
FORWARDABLE = 0x40000000  # RFC 4120, 5.3: bit 1 of TicketFlags


class Ticket:
    """The ticket-granting ticket of a cache; times in seconds since 1970."""

    def __init__(self, client: str, realm: str, issued: int, ends: int, flags: int) -> None:
        self.client = client
        self.realm = realm
        self.issued = issued
        self.ends = ends
        self.forwardable = bool(flags & FORWARDABLE)


def path_of(name: str) -> str:
    """The file that the name of a cache means; '' for other types (DIR, KCM, KEYRING)."""
    kind, colon, rest = name.partition(":")
    if colon and kind == "FILE":
        return rest
    return "" if colon and kind.isalnum() else name


def read(path: str) -> Ticket | None:
    """The ticket that was issued last; None if there is none, or the format is not known.

    Raises OSError if the file cannot be read.
    """
    # not blocking: who owns the folder may have put anything there
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as source:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            return None
        data = source.read(LARGEST + 1)
    if len(data) > LARGEST:
        return None
    if data[:2] not in (b"\x05\x03", b"\x05\x04"):
        return None
    try:
        return _latest(_Reader(data))
    except (struct.error, IndexError):  # it is being written, or is none
        return None


class _Reader:
    """Numbers and counted strings, in network order, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.version = data[1]
        self.at = 2
        if self.version == 4:
            self.at += self.number(">H") + 2

    def number(self, form: str) -> int:
        value: int = struct.unpack_from(form, self.data, self.at)[0]
        self.at += struct.calcsize(form)
        return value

    def text(self) -> str:
        length = self.number(">I")
        if self.at + length > len(self.data):
            raise IndexError(length)
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8", "replace")

    def principal(self) -> tuple[str, list[str]]:
        """Realm and components."""
        self.number(">I")
        count = self.number(">I")
        realm = self.text()
        return realm, [self.text() for _ in range(min(count, len(self.data)))]

    def skip_list(self) -> None:
        """Addresses, or authorization data."""
        for _ in range(min(self.number(">I"), len(self.data))):
            self.number(">H")
            self.text()


def _latest(reader: _Reader) -> Ticket | None:
    realm, name = reader.principal()
    found = None
    while reader.at < len(reader.data):
        reader.principal()
        of, service = reader.principal()
        reader.number(">H")  # of the session key
        if reader.version == 3:
            reader.number(">H")
        reader.text()
        asked, starts, ends, _renew = [reader.number(">I") for _ in range(4)]
        reader.number(">B")
        flags = reader.number(">I")
        reader.skip_list()
        reader.skip_list()
        reader.text()
        reader.text()
        if (of, service) != (realm, ["krbtgt", realm]):
            continue  # of a service, or the cache's own notes (X-CACHECONF:)
        if found is None or max(asked, starts) >= found.issued:
            client = "%s@%s" % ("/".join(name), realm)
            found = Ticket(client, realm, max(asked, starts), ends, flags)
    return found
