"""Puts the user's own configuration on the hosts of a lab.

Variables, password and files belong to the configuration that they were given with: another one
has none of them. Nothing is in a command line, or in what the engine shows of a container.
"""

from __future__ import annotations

from collections.abc import Iterator

from hublab.deployment.own_config import SERVER_FILE, OwnConfig
from hublab.deployment.own_files import FOLDER, hub_files, name_file, read
from hublab.engine import Container, Engine
from hublab.engine.records import File
from hublab.paths import ETC
from hublab.running.sign_in import OWN_PASSWORD
from hublab.settings.files import private

FILES = "own_files"
"""Below ETC on the hub's host: what is in FOLDER; before a hub starts, all else there is removed
(compose/images/hub/run)."""
SECRETS, VARIABLES = "own_secrets", "own_variables"
"""Below ETC on the hub's host: values that no journal may have, and names of the variables."""


def put_own_config(engine: Engine, hosts: list[Container], own: OwnConfig) -> None:
    """Put the files on the hosts; hub and servers read them at their next start."""
    for host in hosts:
        if "hub" in host.roles and (own.hub or own.variables.values):
            engine.put_files(host.id, ETC, list(files_of_hub(engine, host, own)))
        if own.server and "node" in host.roles:
            engine.put_files(host.id, ETC, [File(SERVER_FILE, read(own.server))])


def files_of_hub(engine: Engine, host: Container, own: OwnConfig) -> Iterator[File]:
    """What the hub's host gets, and empty files in place of what is over."""
    values = own.variables.values
    before = lines_of(engine, host, VARIABLES)
    if own.hub:
        files = hub_files(own.hub)
        yield from files
        yield name_file(own.hub)
        names = [one.name.removeprefix(f"{FOLDER}/") for one in files]
        yield File(FILES, "".join(f"./{name}\n" for name in names).encode())
        yield private(OWN_PASSWORD, own.password or "")
        for name in before - set(values):
            yield File(f"env/{name}", b"", mode=0o600)  # s6-envdir takes the variable away
    for name, value in values.items():
        # s6-envdir turns zero bytes into line feeds, and takes a file of one line for a value.
        content = value.encode().replace(b"\n", b"\0") or b"\n"
        yield File(f"env/{name}", content, mode=0o600)
    kept = set(values) if own.hub else before | set(values)
    yield private(VARIABLES, "\n".join(sorted(kept)))
    # Those from before stay: the hub's log may have them.
    secrets = lines_of(engine, host, SECRETS) | {*own.variables.secrets}
    if own.password:
        secrets.add(own.password)
    yield private(SECRETS, "\n".join(sorted(secrets)))


def lines_of(engine: Engine, host: Container, name: str) -> set[str]:
    """The lines of a file of the hub's host; none where it is missing."""
    text = engine.read_file(host.id, f"{ETC}/{name}") or b""
    return {line for line in text.decode().split("\n") if line}
