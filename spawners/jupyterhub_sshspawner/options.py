"""The user's choice of a host: the form, what comes back from it, and the check.

The form is only a convenience: the REST API takes ``user_options`` raw, so the check is made on
what arrives, whichever way it came (JupyterHub docs, ``Spawner.apply_user_options``).
"""

from __future__ import annotations

from html import escape
from typing import Any

from . import resolve
from .compat import spawn_failure
from .errors import HostRefused, Misconfigured
from .placement import chosen_host
from .traits import SSHTraits


async def form(spawner: SSHTraits) -> str:
    """A list of the allowed hosts to choose from."""
    rows = ['<option value="">(any)</option>']
    for name in await resolve.allowed_hosts(spawner):
        rows.append(f'<option value="{escape(name)}">{escape(name)}</option>')
    return (
        '<label for="host">Host</label>'
        f'<select id="host" name="host" class="form-control">{"".join(rows)}</select>'
    )


def from_form(data: dict[str, list[str]]) -> dict[str, Any]:
    """Form fields come as lists of strings."""
    values = data.get("host") or [""]
    return {"host": values[0]} if values[0] else {}


async def check(spawner: SSHTraits, user_options: Any) -> None:
    """Refuse a host that is not allowed with 400, before anything is started.

    Not where a callable has to be asked, which the start does, and tells the user. What else is
    wrong is no fault of the user's, and the start says so.
    """
    if callable(spawner.hosts):
        return
    try:
        chosen_host(user_options, await resolve.allowed_hosts(spawner))
    except HostRefused as error:
        raise spawn_failure(str(error), error.reason, error.status, str(error)) from error
    except Misconfigured:
        return
