"""A server's proxy keeps the cookies of an application in the application's place."""

import re
from typing import Any

PLACE = re.compile(r".*/proxy/\d+")


def in_place(add: Any, handler: Any, name: str, value: Any) -> None:
    found = PLACE.match(handler.request.path)
    if found and name.lower() == "set-cookie":
        value = re.sub(r"(?i)path=/(?=;|$)", f"path={found[0]}/", value)
    add(handler, name, value)


CHANGES = {"tornado.web:RequestHandler.add_header": in_place}
