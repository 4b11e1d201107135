"""One container of the tools' image that belongs to no lab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hublab.engine import Engine
from hublab.engine.records import PROJECT, SERVICE
from hublab.roles import LABEL


@contextmanager
def running(engine: Engine, *argv: str) -> Iterator[str]:
    """The id of a container in which nothing runs but this command; it is removed at the end."""
    api = engine.client.api
    names = [name for image in api.images() for name in image["RepoTags"] or []]
    made = api.create_container(
        next(name for name in names if name.startswith("hublab-tools:")),
        list(argv),
        labels={"hublab.once": "true", PROJECT: "", SERVICE: "", LABEL: ""},
        host_config=api.create_host_config(init=True),
    )["Id"]
    try:
        api.start(made)
        yield made
    finally:
        api.remove_container(made, force=True)
