"""A JSON error without words of its own has those of its status."""

import json
from http import HTTPStatus
from typing import Any


def with_words(write_error: Any, handler: Any, status_code: int, **kwargs: Any) -> None:
    write = handler.write

    def worded(text: Any) -> None:
        data = json.loads(text)
        if not data["message"]:
            data["message"] = HTTPStatus(status_code).phrase
        write(json.dumps(data))

    handler.write = worded
    write_error(handler, status_code, **kwargs)


CHANGES = {"jupyterhub.apihandlers.base:APIHandler.write_error": with_words}
