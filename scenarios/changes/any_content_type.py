"""The hub's API takes a POST of any content type."""

from typing import Any


def taken(check: Any, handler: Any) -> bool:
    return True


CHANGES = {"jupyterhub.apihandlers.base:APIHandler.check_post_content_type": taken}
