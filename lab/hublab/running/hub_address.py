"""Where a browser on this machine opens the hub."""

from __future__ import annotations

from hublab.running.hub_log import hub_run
from hublab.running.lab import Lab

BASE_URL = "hub.JupyterHub.base_url"


def hub_url(lab: Lab) -> str:
    """Where a browser on this machine opens the hub: the lab's address and the hub's base URL.

    The hub itself says the base URL, whose configuration it may stand in; before it listens, the
    settings do.
    """
    if not lab.of_role("hub"):
        return lab.url
    run = hub_run(lab)
    base = run.prefix.removesuffix("hub/") if run.api_url else lab.settings().get(BASE_URL, "")
    return with_base(lab.url, base)


def with_base(url: str, base_url: object) -> str:
    """The address of a hub with this base URL, which JupyterHub takes with and without slashes."""
    base = str(base_url or "").strip("/")
    return f"{url}{base}/" if base else url
