"""The server's API token in the hub's database: revoked also when the hub forgot the token.

After a restart the hub no longer knows a running server's token (``Spawner.api_token`` is not part
of the state), so ``User.stop`` finds nothing to delete and the token stays valid for ever
(JupyterHub 6.1.1, user.py, ``User.stop``). The state therefore keeps the row's id. Because SQLite
hands out ids of deleted rows again, it also keeps a digest of the row's salted hash.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from jupyterhub import orm
from sqlalchemy.orm import object_session


def _digest(row: Any) -> str:
    return hashlib.sha256(str(row.hashed).encode()).hexdigest()[:32]


def remember(orm_spawner: Any, token: str) -> tuple[int, str]:
    """Row id and digest of a token; ``(0, "")`` when it is not in the database."""
    session = object_session(orm_spawner)
    row = orm.APIToken.find(session, token) if session is not None and token else None
    return (row.id, _digest(row)) if row is not None else (0, "")


def revoke(orm_spawner: Any, token_id: int, check: str, log: logging.Logger) -> None:
    """Delete the token if it is still there and still the one that was meant."""
    session = object_session(orm_spawner)
    if session is None or not token_id:
        return
    row = session.get(orm.APIToken, token_id)
    if row is not None and _digest(row) == check:
        log.info("Revoking API token %i of a server that has stopped", token_id)
        session.delete(row)
        session.commit()
