"""A hub's own view of its settings, and what a configuration file says by itself.

Both are compared with what `up` lists, and neither comes from the code that makes that list: the
hub writes down what its objects have once it runs, and traitlets' own loader reads the file.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lifecycle import wait

from hublab.running.lab import Lab

PLAIN = """\
def _plain(value):
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return getattr(value, "__name__", None) or repr(value)
"""
"""How both write down what JSON does not know: a class or function by its name."""
LOOK = f"""

def _look(place):
    import json
    import os
    from contextlib import suppress
    from jupyterhub import orm
    from jupyterhub.app import JupyterHub
    from traitlets import HasTraits, TraitError
    start = JupyterHub.start

    async def started(self):
        await start(self)
        user = self.users[self.db.query(orm.User).first()]
        seen = {{}}
        for part in (self, self.authenticator, self.proxy, user.spawner):
            for kind in type(part).__mro__:
                if issubclass(kind, HasTraits):
                    for name in kind.class_trait_names(config=True):
                        with suppress(TraitError):  # a default that its own trait refuses
                            seen[kind.__name__ + "." + name] = getattr(part, name)
        with open(place + ".new", "w") as file:
            json.dump(seen, file, default=_plain)
        os.replace(place + ".new", place)

    JupyterHub.start = started

{PLAIN}
"""
"""What is laid behind a configuration: the hub writes its view into a file of its own folder."""
READ = f"""
import json, sys
from traitlets.config.loader import LazyConfigValue, PyFileConfigLoader

{PLAIN}
found = PyFileConfigLoader(sys.argv[1], sys.argv[2]).load_config()
said = {{}}
for name, traits in found.items():
    for trait, value in traits.items():
        if isinstance(value, LazyConfigValue):
            value = [*value.to_dict().values()][0]
        said[name + "." + trait] = value
print(json.dumps(said, default=_plain))
"""
HUB_FOLDER = "/srv/jupyterhub"
NOT_IN_FORCE = ("replaced", "not in force", "unknown")
"""The kinds of the list with which the file's own value does not hold."""
NOWHERE = object()


def looking(text: str, place: str) -> str:
    """A configuration whose hub also writes down what it has."""
    return f"{text}{LOOK}\n_look({place!r})\n"


def seen_by_hub(lab: Lab, place: str) -> dict[str, Any]:
    """What the running hub has: each setting of its objects, by each class that has it."""
    hub, path = lab.one("hub").id, f"{HUB_FOLDER}/{place}"
    wait(lambda: lab.engine.read_file(hub, path) is not None, 30, lambda: f"the hub has no {path}")
    found: dict[str, Any] = json.loads(lab.engine.read_file(hub, path) or b"")
    return found


def said_by_file(path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """What a configuration sets or adds to, as traitlets reads it."""
    argv = [sys.executable, "-c", READ, path.name, str(path.parent)]
    whole = {**os.environ, **environment}
    done = subprocess.run(argv, env=whole, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def disagreements(
    said: Mapping[str, Any], listed: Mapping[str, Mapping[str, Any]], seen: Mapping[str, Any]
) -> Iterator[str]:
    """Where the list and the hub differ: a setting that is told to hold and does not, or the other
    way round, or that has another value than the one that is told to be in its place.
    """
    for key, theirs in said.items():
        kind = listed[key]["kind"] if key in listed else None
        has = seen.get(key, NOWHERE)
        held = has is not NOWHERE and holds(theirs, has)
        if held == (kind in NOT_IN_FORCE):
            yield f"{key} = {theirs!r} is listed as {kind}, and the hub has {has!r}"
        ours = listed[key]["ours"] if kind == "replaced" else None
        if ours and has is not NOWHERE and not holds(ast.literal_eval(ours), has):
            yield f"{key} is listed as replaced by {ours}, and the hub has {has!r}"


def holds(theirs: Any, seen: Any) -> bool:
    """Whether a value is in force; what is added to may have more."""
    if isinstance(theirs, dict) and isinstance(seen, dict):
        return all(holds(value, seen.get(key)) for key, value in theirs.items())
    if isinstance(theirs, list) and isinstance(seen, list):
        return all(any(holds(value, other) for other in seen) for value in theirs)
    return bool(theirs == seen or seen == NAMED.get(str(theirs), NOWHERE))


NAMED = {
    "dummy": "DummyAuthenticator",
    "shared-password": "SharedPasswordAuthenticator",
    "ssh": "SSHSpawner",
    "WARN": 30,
    "1G": 2**30,
}
"""What JupyterHub makes of a name, or of a size."""
