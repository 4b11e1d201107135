"""Whenever a token is looked for, the rows of expired ones go."""

from typing import Any


def purged(find: Any, tokens: Any, db: Any, *args: Any, **kwargs: Any) -> Any:
    tokens.purge_expired(db)
    return find(tokens, db, *args, **kwargs)


CHANGES = {"jupyterhub.orm:APIToken.find": purged}
