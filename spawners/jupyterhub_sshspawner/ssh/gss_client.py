"""asyncssh's GSSAPI client, after its first step. To be imported where gssapi is there."""

from __future__ import annotations

from typing import Any

from asyncssh.gss_unix import GSSClient
from gssapi import RequirementFlag


class ReadyClient(GSSClient):
    """Has its first token. It serves one sign-in, and has asked the KDC all that it needs for it.

    Blocks, when it is made, until the KDC has answered.
    """

    def __init__(self, host: str, store: dict[Any, Any], delegate: bool) -> None:
        super().__init__(host, store, delegate)
        self._first = super().step()
        flags = self._ctx.actual_flags if self._ctx else 0
        self.delegates = bool(flags & RequirementFlag.delegate_to_peer)

    def reset(self) -> None:
        """Keep it: asyncssh would begin anew."""

    def step(self, token: bytes | None = None) -> bytes | None:
        """The next token, from the last one of the node."""
        return self._first if token is None else super().step(token)
