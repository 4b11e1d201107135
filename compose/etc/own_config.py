"""Merges the user's own configuration file into a base configuration.

A rule names a trait that the lab must set itself, and why. The user's value of such a trait is
ignored and reported. Everything else in the file takes effect.
"""

import ast
import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from traitlets.config import Config

Rules = Mapping[str, str]
"""`Class.trait` -> why the lab sets it."""

Override = dict[str, Any]
"""trait, theirs, ours (None: not set), why: as `hublab up` prints it."""

SECRET = re.compile(r"token|password|passphrase|secret|crypt_key", re.IGNORECASE)


class Broken(Exception):
    """The user's file does not run: `line` is its line, None if unknown."""

    def __init__(self, reason: str, line: int | None) -> None:
        super().__init__(reason)
        self.line = line


def load(path: Path) -> Config:
    """Run a configuration file by itself; raises Broken."""
    theirs = Config()
    names = {"c": theirs, "get_config": lambda: theirs, "__file__": str(path)}
    try:
        exec(compile(path.read_text(), str(path), "exec"), names)
    except SyntaxError as error:
        raise Broken(f"SyntaxError: {error.msg}", error.lineno) from error
    except (Exception, SystemExit) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        reason = f"{type(error).__name__}: {error}"
        raise Broken(reason, frames[-1].lineno if frames else None) from error
    return theirs


def line_of(source: str, class_name: str, trait: str | None = None) -> int | None:
    """The last line of a configuration that refers to a class, as c.Class, or to a trait of it."""
    lines = [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and (node.attr == class_name if trait is None else is_trait(node, class_name, trait))
    ]
    return max(lines, default=None)


def is_trait(node: ast.Attribute, class_name: str, trait: str) -> bool:
    """Whether a piece of Python is `….Class.trait`."""
    owner = node.value
    return node.attr == trait and isinstance(owner, ast.Attribute) and owner.attr == class_name


def merge(c: Config, theirs: Config, rules: Rules) -> list[Override]:
    """Merge the user's values into `c`, except those with a rule; return the ignored ones."""
    ignored: list[Override] = []
    for class_name, traits in theirs.items():
        if not isinstance(traits, Config):
            continue  # c.name = value belongs to no class, and nothing reads it
        for trait, value in traits.items():
            key = f"{class_name}.{trait}"
            if key not in rules:
                c[class_name][trait] = value
            elif c.get(class_name, {}).get(trait) != value:
                ours = c.get(class_name, {}).get(trait)
                ignored.append(override(key, value, ours, rules[key]))
    return ignored


def override(key: str, theirs: Any, ours: Any, why: str) -> Override:
    """One ignored value, with secrets masked."""
    return {"trait": key, "theirs": shown(key, theirs), "ours": shown(key, ours), "why": why}


def shown(key: str, value: Any) -> str | None:
    """A value as text, with passwords and tokens masked."""
    if value is None:
        return None
    if SECRET.search(key.rpartition(".")[2]) and not key.endswith("_file"):
        return "(hidden)"
    return re.sub(r"(://[^:/@\s]*):[^@\s]+@", r"\1:(hidden)@", repr(value))
