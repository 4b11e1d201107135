"""Breaks scenarios for --sabotage: a change of a user that sends the user's own name keeps it."""

from typing import Any

from jupyterhub.apihandlers.users import UserAPIHandler  # type: ignore[import-untyped]

_body = UserAPIHandler.get_json_body


def without_own_name(self: Any) -> Any:
    data = _body(self)
    if isinstance(data, dict) and data.get("name") == self.path_args[0]:
        del data["name"]
    return data


UserAPIHandler.get_json_body = without_own_name
