"""The forms in which a secret may stand in a text: as it is, percent-encoded, in base64."""

from __future__ import annotations

import base64
from urllib.parse import quote

SHORTEST_ENCODED = 8
"""Characters: those of 6 bytes."""
URL_SAFE = str.maketrans("+/", "-_")


def plain_forms(secret: str) -> frozenset[str]:
    """A secret as it is, and percent-encoded as part of an address."""
    return frozenset({secret, quote(secret, safe="")})


def in_base64(secret: str) -> frozenset[str]:
    """What base64 makes of a text wherever it stands in what is encoded (RFC 4648, 4 and 5).

    Characters that depend on its neighbours are left out. Of a text shorter than 6 bytes nothing is
    left that could not be a harmless word.
    """
    found = set()
    for before in range(3):
        data = b"\0" * before + secret.encode()
        whole = base64.b64encode(data).decode().rstrip("=")
        inner = whole[(0, 2, 3)[before] : len(data) // 3 * 4]
        if len(inner) >= SHORTEST_ENCODED:
            found |= {inner, inner.translate(URL_SAFE)}
    return frozenset(found)
