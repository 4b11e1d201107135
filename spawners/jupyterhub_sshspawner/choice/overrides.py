"""What a profile changes for one start, and nothing of it for the next.

Only traits that a start alone reads: what finds, polls and stops a server must be the same after a
restart of the hub, which knows no profile of a running server.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from traitlets import TraitError

from .. import resolve
from ..errors import Misconfigured, OptionsRefused
from ..traits import SSHTraits
from .hosts import parse_hosts

ALLOWED = (
    "args",
    "cmd",
    "cpu_guarantee",
    "cpu_limit",
    "default_url",
    "environment",
    "hosts",
    "http_timeout",
    "mem_guarantee",
    "mem_limit",
    "notebook_dir",
    "port",
    "port_range",
    "prologue",
    "shell_cmd",
    "start_timeout",
)
VALUE = "{value}"
OF_HOSTS = (
    "cmd",
    "prologue",
)  # what an entry of ``hosts`` may say as well, and a profile overrules


@dataclass(frozen=True)
class Override:
    """Values for traits, and where in the configuration they are; ``value`` is the user's text."""

    where: str
    traits: Mapping[str, Any]
    value: str | None = None

    def with_value(self, text: str) -> Override:
        """With the user's text in place of ``{value}``; as one word in the prologue."""
        traits = {
            name: _filled(body, shlex.quote(text) if name == "prologue" else text)
            for name, body in self.traits.items()
        }
        return Override(self.where, traits, text)

    def wrong(self, words: str) -> Misconfigured | OptionsRefused:
        """The error for a value that cannot be used: the administrator's, or the user's."""
        if self.value is not None:
            return OptionsRefused(f"{self.value[:80]!r} cannot be used: {words}")
        return Misconfigured(f"{self.where}: {words}")


def checked_override(traits: Any, where: str) -> Override:
    """An override whose names are allowed; Misconfigured names the one that is not."""
    if not isinstance(traits, dict):
        raise Misconfigured(f"{where} must be a dict")
    unknown = sorted(str(name) for name in traits if name not in ALLOWED)
    if unknown:
        raise Misconfigured(
            f"{where}: a profile cannot set {', '.join(unknown)}, only {', '.join(ALLOWED)}"
        )
    return Override(where, traits)


async def apply(spawner: SSHTraits, overrides: Sequence[Override]) -> None:
    """Set what they say, later ones over earlier ones; ``undo`` takes it back."""
    values: dict[str, tuple[Any, Override]] = {}
    for override in overrides:
        for name, setting in override.traits.items():
            value = await _value(spawner, name, setting, override)
            if name == "environment" and name in values:
                value = {**values[name][0], **value}
            values[name] = (value, override)
    hosts = values.pop("hosts", None)
    names = _names(*hosts) if hosts else None
    replaced = {name: getattr(spawner, name) for name in values}
    spawner._replaced = {**replaced, "hosts": spawner.hosts}
    for name, (value, override) in values.items():
        merged = {**spawner.environment, **value} if name == "environment" else value
        _set(spawner, name, merged, override)
    dropped = {*OF_HOSTS} & set(values)
    variables = set(values["environment"][0]) if "environment" in values else set()
    if names or dropped or variables:
        select = partial(
            _selected, names=names, dropped=dropped, variables=variables,
            override=hosts[1] if hosts else None,
        )  # fmt: skip
        spawner.hosts = _narrowed(spawner.hosts, select)


def undo(spawner: SSHTraits, *names: str) -> None:
    """Give these traits, or all, the values that they had before ``apply``."""
    replaced = spawner._replaced
    for name in names or tuple(replaced):
        if name in replaced:
            setattr(spawner, name, replaced.pop(name))


async def _value(spawner: SSHTraits, name: str, setting: Any, override: Override) -> Any:
    try:
        value = await resolve.value_of(spawner, setting)
    except Exception as error:  # of the administrator's callable, which can raise anything
        spawner.log.exception("%s: %s failed", override.where, name)
        words = f"{override.where}: {name} failed; see the hub's log"
        raise Misconfigured(words, repr(error)) from error
    if name == "environment" and not isinstance(value, dict):
        raise override.wrong(f"environment must be a dict, not a {type(value).__name__}")
    return value


def _filled(body: Any, text: str) -> Any:
    if isinstance(body, str):
        return body.replace(VALUE, text)
    if isinstance(body, list | tuple):
        return [_filled(item, text) for item in body]
    if isinstance(body, dict):
        return {key: _filled(item, text) for key, item in body.items()}
    return body


def _set(spawner: SSHTraits, name: str, value: Any, override: Override) -> None:
    """Set a trait; the error shows no value, which may be a secret."""
    trait = spawner.traits()[name]
    try:
        try:
            setattr(spawner, name, value)
        except TraitError:
            if not isinstance(value, str):
                raise
            setattr(spawner, name, trait.from_string(value))  # a number in a user's text
    except (TraitError, ValueError) as error:
        words = f"{name} must be {trait.info()}, which this {type(value).__name__} is not"
        raise override.wrong(words) from error


# ------------------------------------------------------------ hosts


def _names(value: Any, override: Override) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise override.wrong("hosts must be a name of SSHSpawner.hosts, or a list of names")
    if not names:
        raise override.wrong("hosts names none")
    return tuple(names)


def _narrowed(hosts: Any, select: Any) -> Any:
    """In place of the trait's value; a callable is still asked when the start needs it."""
    if not callable(hosts):
        return select(hosts, exactly=True)

    async def some(spawner: SSHTraits) -> list[dict[str, Any]]:
        entries = await resolve.value_of(spawner, hosts)
        found: list[dict[str, Any]] = select(entries, exactly=False)
        return found

    return some


def _selected(
    entries: Any,
    *,
    exactly: bool,
    names: Sequence[str] | None,
    dropped: set[str],
    variables: set[str],
    override: Override | None,
) -> list[dict[str, Any]]:
    """Entries of the named hosts, without what the profile overrules.

    Where ``hosts`` depends on the user (not ``exactly``), a profile may name hosts of others too.
    """
    allowed = parse_hosts(entries)
    if override and names:
        unknown = [name for name in names if name not in allowed]
        if unknown and (exactly or override.value is not None):
            raise override.wrong(f"hosts: SSHSpawner.hosts has no {', '.join(unknown)}")
        if len(unknown) == len(names):
            raise OptionsRefused("you may use no host of this profile; choose another one")
    found = []
    for entry in entries:
        body: dict[str, Any] = {"name": entry} if isinstance(entry, str) else dict(entry)
        if names and body["name"] not in names:
            continue
        for name in dropped:
            body.pop(name, None)
        if "environment" in body:
            kept = body["environment"].items()
            body["environment"] = {key: value for key, value in kept if key not in variables}
        found.append(body)
    return found
