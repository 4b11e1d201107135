"""A code is good for an hour."""

from typing import Any

from jupyterhub import orm  # type: ignore[import-untyped]


def for_an_hour(
    save: Any, validator: Any, client_id: str, code: dict[str, str], *args: Any, **kwargs: Any
) -> None:
    save(validator, client_id, code, *args, **kwargs)
    row = validator.db.query(orm.OAuthCode).filter_by(code=code["code"]).first()
    row.expires_at += 3300
    validator.db.commit()


_VALIDATOR = "jupyterhub.oauth.provider:JupyterHubRequestValidator"
CHANGES = {f"{_VALIDATOR}.save_authorization_code": for_an_hour}
