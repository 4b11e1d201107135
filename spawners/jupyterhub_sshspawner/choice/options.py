"""The user's choice of a profile and a host: the form, what comes back from it, and the check.

The form is only a convenience: the REST API takes ``user_options`` raw, so the check is made on
what arrives, whichever way it came (JupyterHub docs, ``Spawner.apply_user_options``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from .. import resolve
from ..compat import spawn_failure
from ..errors import HostRefused, Misconfigured, SSHSpawnerError
from ..traits import SSHTraits
from . import overrides, profiles
from .placement import chosen_host


def wanted(spawner: SSHTraits) -> bool:
    """Whether there is anything to choose."""
    return bool(spawner.profile_list) or spawner.host_policy == "user-choice"


@cache
def _template() -> Template:
    loader = PackageLoader(__package__)
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("options.html")


async def form(spawner: SSHTraits) -> str:
    """Profiles, and the allowed hosts where the user chooses one; empty without either."""
    try:
        offered = await _profiles(spawner)
        hosts = (
            list(await resolve.allowed_hosts(spawner))
            if spawner.host_policy == "user-choice"
            else []
        )
    except SSHSpawnerError as error:
        raise _failure(error) from error
    if not offered and not hosts:
        return ""
    before = spawner.user_options if isinstance(spawner.user_options, dict) else {}
    return _template().render(
        profiles=offered,
        chosen=_again(offered, before),
        hosts=hosts,
        before=before,
        unlisted=profiles.UNLISTED,
    )


def _again(offered: Sequence[profiles.Profile], before: Mapping[str, Any]) -> str:
    """The profile to mark: the one of the last start, if it is still there."""
    if not offered:
        return ""
    slug = before.get("profile")
    known = [profile.slug for profile in offered]
    return str(slug) if slug in known else profiles.default_of(offered).slug


def from_form(data: dict[str, list[str]]) -> dict[str, Any]:
    """``user_options`` of form fields, which come as lists of strings.

    Fields are called as KubeSpawner's are: ``profile``, ``profile-option-SLUG--OPTION``, and the
    latter with ``--unlisted-choice``. A text that is not meant, because another choice is, counts
    for nothing.
    """
    values = {key: found[0] for key, found in data.items() if found and found[0]}
    options: dict[str, Any] = {}
    if "host" in values:
        options["host"] = values["host"]
    if "profile" in values:
        options["profile"] = values["profile"]
        prefix = f"profile-option-{values['profile']}--"
        mine = {
            key.removeprefix(prefix): value
            for key, value in values.items()
            if isinstance(value, str) and key.startswith(prefix)
        }
        for name, value in mine.items():
            listed = mine.get(name.removesuffix(profiles.SUFFIX), profiles.UNLISTED)
            if not name.endswith(profiles.SUFFIX) or listed == profiles.UNLISTED:
                options[name] = value
    return options


async def apply(spawner: SSHTraits, user_options: Any) -> None:
    """Set what the chosen profile says; refuse with 400 what is not offered, before any start.

    A host is not checked where a callable has to be asked, which the start does, and tells the
    user. What is wrong with ``hosts`` is no fault of the user's, and the start says so.
    """
    overrides.undo(spawner)
    by_user = spawner.host_policy == "user-choice"
    try:
        offered = await _profiles(spawner)
        if offered:
            chosen = profiles.choose(offered, user_options, ["host"] if by_user else [])
            await overrides.apply(spawner, chosen)
        elif isinstance(user_options, dict) and user_options.get("profile"):
            # kept of an earlier start, perhaps, and there is no form to choose anew
            spawner.log.warning("%s: there are no profiles to choose from", spawner._log_name)
    except SSHSpawnerError as error:
        raise _failure(error) from error
    if not by_user or callable(spawner.hosts):
        return
    try:
        chosen_host(user_options, await resolve.allowed_hosts(spawner))
    except HostRefused as error:
        raise _failure(error) from error
    except Misconfigured:
        return


async def _profiles(spawner: SSHTraits) -> tuple[profiles.Profile, ...]:
    try:
        entries = await resolve.value_of(spawner, spawner.profile_list)
    except Exception as error:  # of the administrator's callable, which can raise anything
        spawner.log.exception("SSHSpawner.profile_list failed")
        raise Misconfigured(
            "SSHSpawner.profile_list failed; see the hub's log", repr(error)
        ) from error
    return profiles.parse_profiles(entries)


def _failure(error: SSHSpawnerError) -> Exception:
    return spawn_failure(str(error), error.reason, error.status, error.detail or str(error))
