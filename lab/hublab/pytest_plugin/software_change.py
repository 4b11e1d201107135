"""A break that no setting makes: functions of the software under test, changed while they run.

A change is a file beside the scenarios, the value of a marker `sabotage("hub.snippet", FILE)`, or
`server.snippet`:

    async def each_time(once, auth, url, api_token, cache_key="", use_cache=True):
        return await once(auth, url, api_token, use_cache=False)

    CHANGES = {"jupyterhub.services.auth:HubAuth._check_hub_authorization": each_time}

It comes in addition to the snippet of the case. A process notes the first call of what it has
changed in a file on its host, whose time is the engine's and not that of a clock which a test
sets: a scenario that fails without such a call has failed for another reason.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hublab.errors import EngineError, LabError, SettingError
from hublab.settings.syntax import JSONValue, is_snippet
from hublab.settings.values import Settings

if TYPE_CHECKING:  # collecting tests needs no Docker
    from hublab.running.lab import Lab

CHANGES = "CHANGES"
_CHANGED = ("hub", "node", "standalone")
"""The roles of hosts whose programs read snippets."""
_INSTALLER = Path(__file__).with_name("change_in_process.py")
_READ = """
find /tmp -maxdepth 1 -name 'hublab-change.*' -newermt "@$1" -exec cat {} +
rm -f /tmp/hublab-change.*
"""


def check_change(value: JSONValue, *, where: str) -> None:
    """Raise SettingError for a snippet of a marker `sabotage` that changes nothing by name."""
    try:
        body = ast.parse(source_of(value)).body
    except SyntaxError as error:
        raise SettingError(f"not valid Python: {error.msg}", where=where) from None
    targets = [one for line in body if isinstance(line, ast.Assign) for one in line.targets]
    if not any(isinstance(one, ast.Name) and one.id == CHANGES for one in targets):
        raise SettingError(
            f"a snippet that breaks a scenario says which functions it changes in {CHANGES}",
            where=where,
            hint='CHANGES = {"jupyterhub.user:User.stop": function}',
        )


def with_changes(settings: Settings, breaking: Settings) -> Settings:
    """A case's settings with those that break it; a change is added to the case's own snippet."""
    changes = {
        key: added(settings.get(key), value) for key, value in breaking.items() if is_snippet(key)
    }
    return settings.merged({**breaking, **changes})


def changes_in(breaking: Settings) -> frozenset[str]:
    """The changes among the settings of a break, as a process notes them."""
    return frozenset(name_in_notes(value) for key, value in breaking.items() if is_snippet(key))


def added(snippet: JSONValue, change: JSONValue) -> JSONValue:
    """A snippet that also installs a change."""
    own = source_of(snippet) if snippet else ""
    installer = _INSTALLER.read_text(encoding="utf-8")
    # A namespace of its own: neither the snippet's names nor its imports are the installer's.
    call = f"_names = {{}}\nexec({installer!r}, _names)\n"
    call += f"_names['install']({name_in_notes(change)!r}, {source_of(change)!r})\n"
    source = f"{own}\n{call}"
    names = [str(cast("Mapping[str, str]", one)["name"]) for one in (snippet, change) if one]
    sha256 = hashlib.sha256(source.encode()).hexdigest()
    return {"name": "+".join(names), "sha256": sha256, "source": source}


def name_in_notes(change: JSONValue) -> str:
    """A change's file, and the beginning of its hash."""
    snippet = cast("Mapping[str, str]", change)
    return f"{snippet['name']}@{snippet['sha256'][:12]}"


def source_of(snippet: JSONValue) -> str:
    """The Python text of a snippet as a value of settings."""
    return cast("Mapping[str, str]", snippet)["source"]


def called_changes(lab: Lab, since: float) -> set[str]:
    """The changes whose functions were called on any host of a lab since then; forgets them.

    A host that cannot be asked has none.
    """
    called: set[str] = set()
    for host in [host for role in _CHANGED for host in lab.of_role(role)]:
        try:
            result = lab.run(host.service, "sh", "-c", _READ, "sh", f"{since:.3f}")
        except (EngineError, LabError):
            continue
        called |= set(result.stdout.split())
    return called
