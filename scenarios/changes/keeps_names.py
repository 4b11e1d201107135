"""A change of a user that sends the user's own name keeps it."""

from typing import Any


def without_own_name(body: Any, self: Any) -> Any:
    data = body(self)
    if isinstance(data, dict) and data.get("name") == self.path_args[0]:
        del data["name"]
    return data


CHANGES = {"jupyterhub.apihandlers.users:UserAPIHandler.get_json_body": without_own_name}
