"""Merges the user's own configuration file into a base configuration.

A rule names a trait that the lab must set itself, and why. The user's value of such a trait is
ignored and reported. Everything else in the file takes effect.
"""

import os
import re
import signal
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from absent_modules import absent_modules
from config_lines import lines_of, subconfig_line
from config_loader import Loader
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

Rules = Mapping[str, str]
"""`Class.trait` -> why the lab sets it."""

Override = dict[str, Any]
"""trait, theirs, ours (None: not set), why, line, kind: as `hublab up` prints it."""

SECRET = re.compile(r"token|password|passphrase|secret|crypt_key", re.IGNORECASE)


class Broken(Exception):
    """The user's file does not run: `line` is its line, None if unknown.

    `file` is the subconfig with that line, as it is called from the file's folder, or None.
    """

    def __init__(self, reason: str, line: int | None, file: str | None = None) -> None:
        super().__init__(reason)
        self.line = line
        self.file = file


@dataclass(frozen=True)
class Loaded:
    """The user's file, once it ran."""

    config: Config
    source: str = ""
    absent: frozenset[str] = frozenset()
    """The spawners and authenticators that it imports and that are not here."""
    lines: dict[str, int] = field(default_factory=dict)
    """Each `Class.trait` -> the last line that names it."""
    missing: dict[str, int | None] = field(default_factory=dict)
    """The subconfigs that it loads and that are not here -> the line."""
    elsewhere: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Each `Class.trait` of a subconfig -> that file, and the last line there that names it."""

    def line(self, key: str) -> int | None:
        return self.lines.get(key)

    def place(self, records: list[Override]) -> list[Override]:
        """Add the file and line of a subconfig to what the user's file itself does not name."""
        for one in records:
            if not one["line"] and one.get("trait") in self.elsewhere:
                one["file"], one["line"] = self.elsewhere[one["trait"]]
        return records


class TooLong(BaseException):
    """The file still runs; no `except Exception` of its own catches this."""


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TooLong in this block after so many seconds; 0: no limit."""

    def too_long(signum: int, frame: Any) -> None:
        raise TooLong(f"it did not end within {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long) if seconds else None
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        if seconds:
            signal.signal(signal.SIGALRM, before)


def run(path: Path, seconds: int = 0) -> Loaded:
    """Run a configuration file by itself, as JupyterHub does, for so long; raises Broken."""
    loader = Loader(path.name, str(path.parent))
    try:
        with absent_modules() as absent, time_limit(seconds):
            theirs = loader.load_config()
    except SyntaxError as error:
        reason, file = f"SyntaxError: {error.msg}", within(path, error.filename)
        raise Broken(reason, error.lineno, file) from error
    except BaseException as error:  # its time may be over, or it may end the process
        trace = traceback.extract_tb(error.__traceback__)
        frames = [frame for frame in trace if frame.filename in {str(path), *loader.sources}]
        reason = f"{type(error).__name__}: {error}"
        line, name = (frames[-1].lineno, frames[-1].filename) if frames else (None, None)
        raise Broken(reason, line, within(path, name)) from error
    source = loader.sources.pop(str(path))
    missing = {name: subconfig_line(source, name) for name in loader.missing}
    elsewhere = {
        key: (str(within(path, name)), line)
        for name, text in loader.sources.items()
        for key, line in lines_of(text).items()
    }
    return Loaded(theirs, source, frozenset(absent), lines_of(source), missing, elsewhere)


def within(path: Path, filename: str | None) -> str | None:
    """A subconfig as it is called from the folder of the user's file; None for that file itself."""
    if filename in (None, str(path)):
        return None
    return os.path.relpath(str(filename), path.parent)


def merge(c: Config, theirs: Config, rules: Rules) -> list[Override]:
    """Merge the user's values into `c`, except those with a rule; return the ignored ones."""
    ignored: list[Override] = []
    for class_name, traits in theirs.items():
        if not isinstance(traits, Config):
            continue  # c.name = value belongs to no class, and nothing reads it
        for trait, value in traits.items():
            key = f"{class_name}.{trait}"
            if key not in rules:
                c[class_name][trait] = added(c.get(class_name, {}).get(trait), value)
            elif c.get(class_name, {}).get(trait) != value:
                ours = c.get(class_name, {}).get(trait)
                ignored.append(override(key, value, ours, rules[key]))
    return ignored


def added(ours: Any, theirs: Any) -> Any:
    """The user's value; where it only adds to a list, set or dict, what it makes of the base's."""
    if ours is None or not isinstance(theirs, LazyConfigValue):
        return theirs
    return theirs if isinstance(ours, LazyConfigValue) else theirs.get_value(ours)


def override(
    key: str,
    theirs: Any,
    ours: Any,
    why: str,
    *,
    kind: str = "replaced",
    line: int | None = None,
) -> Override:
    """One value that does not hold as it stands, with secrets masked."""
    return {
        "trait": key,
        "theirs": shown(key, theirs),
        "ours": shown(key, ours),
        "why": why,
        "kind": kind,
        "line": line,
    }


def shown(key: str, value: Any) -> str | None:
    """A value as text, with passwords and tokens masked."""
    if value is None:
        return None
    if SECRET.search(key.rpartition(".")[2]) and not key.endswith(("_file", "_url")):
        return "(hidden)"
    text = lazy_words(value) if isinstance(value, LazyConfigValue) else repr(value)
    return re.sub(r"(://[^:/@\s]*):[^@\s]+@", r"\1:(hidden)@", text)


def lazy_words(value: LazyConfigValue) -> str:
    """What a file adds to a list, set or dict whose default it does not name."""
    changes = value.to_dict()
    words = {"extend": "added", "update": "added", "prepend": "put before", "inserts": "inserted"}
    said = [f"{words.get(name, name)} {change!r}" for name, change in changes.items() if change]
    return ", ".join(said) or "nothing added"


def whole_list(value: Any) -> list[Any]:
    """A list from a configuration, also one that the file only appends to."""
    return list(value.get_value([]) if isinstance(value, LazyConfigValue) else value)
