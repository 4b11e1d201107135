"""JSON Web Tokens as an issuer on another host would sign them (RFC 7515, RFC 7519), by HS256."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

AUDIENCE = "hub.lab"


def part(data: bytes) -> str:
    """Base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims: Mapping[str, object], key: str) -> str:
    """The compact form of a token with these claims (RFC 7515, 7.1)."""
    texts = ({"alg": "HS256", "typ": "JWT"}, dict(claims))
    body = ".".join(part(json.dumps(text).encode()) for text in texts)
    proof = hmac.new(key.encode(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{part(proof)}"


def claims_of(user: str, life: float = 3600, **more: object) -> dict[str, object]:
    """What an issuer says of a user now, by its own clock."""
    now = int(time.time())
    return {"sub": user, "aud": AUDIENCE, "nbf": now, "exp": now + int(life), **more}
