"""Finds positions in Compose files, for messages with file and line.

Compose merges files and fills in variables before we read them, so its answer has no lines.
Here the files are read once more, only as a tree of positions: nothing is merged or filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from hublab.errors import TopologyError

YamlPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """A line of a file, counted from 1."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Sources:
    """The Compose files of one topology, in the order in which Compose merges them."""

    def __init__(self, files: Iterable[Path]) -> None:
        """Read the files; raises TopologyError for one that is missing or is not YAML."""
        self._roots = [(file, _read(file)) for file in files]

    def position(self, path: YamlPath) -> Position | None:
        """The position of `path`, or of its nearest ancestor in the files; None without files.

        If several files have it, the last one wins, as in Compose. An element of a sequence is
        named by its text, by the part before its `=`, or by its (target) port.
        """
        best: tuple[int, Position] | None = None
        for file, root in self._roots:
            depth, line = _deepest(root, path) if root else (-1, 1)
            if best is None or depth >= best[0]:
                best = depth, Position(file, line)
        return best[1] if best else None

    def has(self, path: YamlPath) -> bool:
        """Whether one of the files has this path."""
        return any(root and _deepest(root, path)[0] == len(path) for _, root in self._roots)


def _read(file: Path) -> yaml.Node | None:
    try:
        return yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as bad:
        raise TopologyError(
            f"cannot read a Compose file: {bad.strerror}", where=str(file)
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as bad:
        mark = getattr(bad, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        reason = getattr(bad, "problem", None) or str(bad)
        raise TopologyError(f"not YAML: {reason}", where=where) from None


def _deepest(node: yaml.Node, path: Sequence[str]) -> tuple[int, int]:
    """How many steps of `path` exist below `node`, and the line of the last one."""
    best = (0, _line(node))
    if not path:
        return best
    for found, value in _steps(node, path[0]):
        depth, line = _deepest(value, path[1:])
        best = max(best, (depth + 1, line if depth else _line(found)), key=lambda one: one[0])
    return best


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _steps(node: yaml.Node, name: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """The nodes below `node` that `name` can refer to: the node to point at, and its value."""
    if isinstance(node, yaml.SequenceNode):
        yield from ((item, item) for item in node.value if _names(item, name))
    if not isinstance(node, yaml.MappingNode):
        return
    merged: list[yaml.Node] = []
    for key, value in node.value:
        if getattr(key, "value", None) == name:
            yield key, value
        elif key.tag == "tag:yaml.org,2002:merge":
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
    for base in merged:  # after the mapping's own keys, which win
        yield from _steps(base, name)


def _names(item: yaml.Node, name: str) -> bool:
    if isinstance(item, yaml.MappingNode):  # a port in its long form
        return any(key.value == "target" and value.value == name for key, value in item.value)
    text = str(item.value)
    container_port = text.partition("/")[0].rpartition(":")[2]
    named = text == name or text.startswith(f"{name}=") or text.endswith(f":{name}")
    return named or container_port == name
