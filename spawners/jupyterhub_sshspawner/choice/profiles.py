"""``SSHSpawner.profile_list``: what it says, and what a user may choose of it.

The form is the one that KubeSpawner made a convention (its documentation, ``profile_list``), so
that configurations, forms and scripts carry over. What a user chooses comes raw from the REST API:
slugs are compared with those of the list, and text of the user's own is taken only where an
``unlisted_choice`` allows it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import Misconfigured, OptionsRefused
from .overrides import Override, checked_override

UNLISTED = "unlisted-choice"  # in a list of choices: the user's own text is meant
SUFFIX = f"--{UNLISTED}"  # of the option that has this text
RESERVED = ("profile", "host")
LONGEST = 1024  # characters of a user's own text


@dataclass(frozen=True)
class Choice:
    """One value of an option."""

    slug: str
    display_name: str
    default: bool
    override: Override


@dataclass(frozen=True)
class Unlisted:
    """Text of the user's own as a value."""

    display_name: str
    in_choices: str
    regex: re.Pattern[str] | None
    message: str
    override: Override


@dataclass(frozen=True)
class Option:
    """Something to choose within a profile."""

    name: str
    display_name: str
    choices: tuple[Choice, ...]
    unlisted: Unlisted | None

    @property
    def default(self) -> Choice | None:
        """What is chosen where the user does not: the one that is marked, else the first."""
        return next((one for one in self.choices if one.default), next(iter(self.choices), None))


@dataclass(frozen=True)
class Profile:
    """One entry of the list."""

    slug: str
    display_name: str
    description: str
    default: bool
    override: Override
    options: tuple[Option, ...] = field(default=())


def parse_profiles(entries: Any) -> tuple[Profile, ...]:
    """The profiles of a list, the default one marked; Misconfigured says what is wrong where."""
    if not isinstance(entries, list | tuple):
        raise Misconfigured("SSHSpawner.profile_list must be, or return, a list")
    found: dict[str, Profile] = {}
    for number, entry in enumerate(entries):
        profile = _profile(entry, f"SSHSpawner.profile_list[{number}]")
        if profile.slug in found:
            raise Misconfigured(f"SSHSpawner.profile_list: two profiles have slug {profile.slug!r}")
        found[profile.slug] = profile
    return tuple(found.values())


def default_of(profiles: Sequence[Profile]) -> Profile:
    """The profile of a start that names none: the one that is marked, else the first."""
    return next((one for one in profiles if one.default), profiles[0])


def choose(
    profiles: Sequence[Profile], user_options: Any, others: Collection[str] = ()
) -> list[Override]:
    """What ``user_options`` change, the profile's first; ``others`` are options of somebody else.

    Raises OptionsRefused for whatever is not in the list.
    """
    if not isinstance(user_options, dict):
        raise OptionsRefused("user_options must be an object")
    slug = user_options.get("profile") or default_of(profiles).slug
    profile = next((one for one in profiles if one.slug == slug), None)
    if profile is None:
        known = ", ".join(one.slug for one in profiles)
        raise OptionsRefused(f"there is no such profile; choose one of: {known}")
    names = [option.name for option in profile.options]
    known_names = {"profile", *others, *names, *(name + SUFFIX for name in names)}
    if set(user_options) - known_names:
        has = f"it has: {', '.join(names)}" if names else "it has none"
        raise OptionsRefused(f"the profile {profile.slug} has no such option; {has}")
    return [profile.override, *(_chosen(option, user_options) for option in profile.options)]


def _chosen(option: Option, user_options: Mapping[str, Any]) -> Override:
    listed, text = user_options.get(option.name), user_options.get(option.name + SUFFIX)
    if listed == UNLISTED:
        listed = None
        if not text:
            raise OptionsRefused(f"{option.name}: what is to be used? {option.name}{SUFFIX} says")
    if text and listed:
        raise OptionsRefused(f"{option.name}: either a choice or {option.name}{SUFFIX}, not both")
    if text:
        return _own(option, text)
    if not listed:
        if option.default is None:
            raise OptionsRefused(f"{option.name}: {option.name}{SUFFIX} must be given")
        return option.default.override
    for choice in option.choices:
        if choice.slug == listed:
            return choice.override
    known = ", ".join(choice.slug for choice in option.choices)
    raise OptionsRefused(f"{option.name}: there is no such choice; choose one of: {known}")


def _own(option: Option, text: Any) -> Override:
    unlisted = option.unlisted
    if unlisted is None:
        raise OptionsRefused(f"{option.name}: choose one of the list")
    if not isinstance(text, str) or len(text) > LONGEST or not text.isprintable():
        raise OptionsRefused(
            f"{option.name}{SUFFIX} must be text of at most {LONGEST} printable characters"
        )
    if unlisted.regex and not unlisted.regex.fullmatch(text):
        why = unlisted.message or f"it must match {unlisted.regex.pattern}"
        raise OptionsRefused(f"{option.name}{SUFFIX}: {why}")
    return unlisted.override.with_value(text)


# ------------------------------------------------------------ reading the configuration


def _profile(entry: Any, where: str) -> Profile:
    known = ("display_name", "slug", "description", "default", "profile_options")
    _check(entry, where, (*known, "spawner_override"))
    name = _text(entry, "display_name", where)
    if not name:
        raise Misconfigured(f"{where}: display_name is missing")
    slug = _text(entry, "slug", where) or slugify(name)
    if not slug:
        raise Misconfigured(f"{where}: no slug can be made of {name!r}; give one")
    options = entry.get("profile_options") or {}
    where = f"{where} ({slug})"
    _check(options, f"{where}: profile_options")
    return Profile(
        slug=slug,
        display_name=name,
        description=_text(entry, "description", where),
        default=_flag(entry, "default", where),
        override=_override(entry, where),
        options=tuple(
            _option(option, body, f"{where}: profile_options: {option}")
            for option, body in options.items()
        ),
    )


def _option(name: str, body: Any, where: str) -> Option:
    if name in RESERVED or "--" in name:
        reserved = ", ".join(RESERVED)
        raise Misconfigured(f"{where}: an option is not called {reserved}, nor has -- in its name")
    _check(body, where, ("display_name", "choices", "unlisted_choice"))
    choices = body.get("choices") or {}
    _check(choices, f"{where}: choices")
    if UNLISTED in choices:
        raise Misconfigured(f"{where}: choices: {UNLISTED} is taken")
    option = Option(
        name=name,
        display_name=_text(body, "display_name", where) or name,
        choices=tuple(_choice(slug, one, f"{where}: {slug}") for slug, one in choices.items()),
        unlisted=_unlisted(body.get("unlisted_choice") or {}, f"{where}: unlisted_choice"),
    )
    if not option.choices and not option.unlisted:
        raise Misconfigured(f"{where}: there is nothing to choose")
    return option


def _choice(slug: str, body: Any, where: str) -> Choice:
    _check(body, where, ("display_name", "default", "spawner_override"))
    name = _text(body, "display_name", where) or slug
    return Choice(slug, name, _flag(body, "default", where), _override(body, where))


def _unlisted(body: Any, where: str) -> Unlisted | None:
    texts = ("display_name", "display_name_in_choices", "validation_regex", "validation_message")
    _check(body, where, ("enabled", *texts, "spawner_override"))
    name, in_choices, regex, message = (_text(body, key, where) for key in texts)
    try:
        pattern = re.compile(regex) if regex else None
    except re.error as error:
        raise Misconfigured(f"{where}: validation_regex: {error}") from error
    override = _override(body, where)
    if not _flag(body, "enabled", where):
        return None
    return Unlisted(name or "Other", in_choices or "Other…", pattern, message, override)


def _override(body: Mapping[str, Any], where: str) -> Override:
    return checked_override(body.get("spawner_override") or {}, f"{where}: spawner_override")


def _check(body: Any, where: str, known: Collection[str] = ()) -> None:
    """A dict with text for keys; with ``known``, those alone."""
    if not isinstance(body, dict) or not all(isinstance(key, str) and key for key in body):
        raise Misconfigured(f"{where} must be a dict with names for keys")
    unknown = sorted(set(body) - set(known)) if known else []
    if unknown:
        hint = " (kubespawner_override is spawner_override here)"
        raise Misconfigured(
            f"{where}: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}"
            + (hint if "kubespawner_override" in unknown else "")
        )


def _text(body: Mapping[str, Any], key: str, where: str) -> str:
    value = body.get(key) or ""
    if not isinstance(value, str):
        raise Misconfigured(f"{where}: {key} must be text, not a {type(value).__name__}")
    return value


def _flag(body: Mapping[str, Any], key: str, where: str) -> bool:
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise Misconfigured(f"{where}: {key} must be True or False")
    return value


def slugify(name: str) -> str:
    """``GPU node (A100)`` becomes ``gpu-node-a100``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
