"""A server keeps no refusal of the hub's."""

from typing import Any


def but_for_refusals(keep: Any, answers: Any, key: Any, answer: Any) -> None:
    if answer is not None:
        keep(answers, key, answer)


CHANGES = {"jupyterhub.services.auth:_ExpiringDict.__setitem__": but_for_refusals}
