"""Whether a scenario is still the one that was seen to fail: a digest of what it runs.

It has the test function and what that uses of its file, of modules beside it, and of files that it
names, such as snippets. Docstrings, comments, reports and findings may change, and other tests of
the file: they change nothing of what is tried.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

_TOLD = ("finding", "issue", "sabotage")
"""Markers that say something of a test, or whose value is counted elsewhere."""


def code_digest(file: Path, test: str, *others: str) -> str:
    """Twelve hex digits of what a test runs, and of `others`."""
    digest = hashlib.sha256()
    pieces = _Pieces()
    pieces.follow(file, [test, "pytestmark"])
    conftest = file.with_name("conftest.py")
    if conftest.exists():
        pieces.whole(conftest)
    for text in (*pieces.sorted(), *others):
        digest.update(f"{text}\0".encode())
    return digest.hexdigest()[:12]


class _Pieces:
    """The parts of files that a test uses, by file and line."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], str] = {}
        self._followed: set[tuple[Path, str]] = set()

    def sorted(self) -> list[str]:
        return [self._found[where] for where in sorted(self._found)]

    def follow(self, file: Path, names: Iterable[str]) -> None:
        """Add the definitions of names, and of what they use."""
        for name in names:
            if (file, name) not in self._followed:
                self._followed.add((file, name))
                for node in parsed(file).defined.get(name, []):
                    self._add(file, node, name)

    def whole(self, file: Path) -> None:
        """Add a file as it stands."""
        if (file, "") not in self._followed:
            self._followed.add((file, ""))
            parts = parsed(file)
            self._found[str(file.name), 0] = parts.text_of(parts.tree)
            self._named_files(file, parts.tree)
            for node in parts.tree.body:
                if isinstance(node, ast.ImportFrom):
                    self._import(file, node, [alias.name for alias in node.names])

    def _add(self, file: Path, node: ast.stmt, name: str) -> None:
        if isinstance(node, ast.ImportFrom):
            self._import(file, node, [a.name for a in node.names if name in (a.name, a.asname)])
            return
        parts = parsed(file)
        # Not the line where it stands: what is above may grow.
        order = parts.tree.body.index(node)
        self._found[f"{file.parent.name}/{file.name}/{name}", order] = parts.text_of(node)
        self._named_files(file, node)
        self.follow(file, (one.id for one in ast.walk(node) if isinstance(one, ast.Name)))

    def _import(self, file: Path, node: ast.ImportFrom, names: list[str]) -> None:
        if not node.level:
            return  # of hublab, or a library
        folder = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        module = folder.with_suffix(".py")
        if module.exists():
            self.follow(module, names)
        for name in names:
            if (folder / f"{name}.py").exists():
                self.whole(folder / f"{name}.py")

    def _named_files(self, file: Path, node: ast.AST) -> None:
        """Add the files beside a scenario that texts in it name, such as snippets."""
        for one in ast.walk(node):
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                name = one.value.rpartition("/")[2]
                if name.endswith(".py") and name == name.strip() and "\n" not in name:
                    for found in sorted(file.parent.parent.rglob(name)):
                        if not found.name.startswith("test_"):
                            self.whole(found)


class _Parsed:
    """One file: what it defines, and its lines without comments."""

    def __init__(self, file: Path) -> None:
        text = file.read_text(encoding="utf-8")
        self.tree = ast.parse(text)
        self._lines = dict(enumerate(text.splitlines(), 1))
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                line, column = token.start
                self._lines[line] = self._lines[line][:column]
        self.defined: dict[str, list[ast.stmt]] = {}
        for node in self.tree.body:
            for name in names_of(node):
                self.defined.setdefault(name, []).append(node)

    def text_of(self, node: ast.AST) -> str:
        """The lines of a node without docstrings, comments and what markers tell."""
        left_out = {
            n for one in told_in(node) for n in range(one.lineno, (one.end_lineno or 0) + 1)
        }
        begin, end = 1, len(self._lines)
        if isinstance(node, ast.stmt):
            above = [one.lineno for one in getattr(node, "decorator_list", [])]
            begin, end = min([node.lineno, *above]), node.end_lineno or node.lineno
        kept = (self._lines[n].rstrip() for n in range(begin, end + 1) if n not in left_out)
        return "\n".join(line for line in kept if line)


@lru_cache(maxsize=256)
def _parsed(file: Path, _changed: int) -> _Parsed:
    return _Parsed(file)


def parsed(file: Path) -> _Parsed:
    """One file, parsed once for as long as it does not change."""
    return _parsed(file, file.stat().st_mtime_ns)


def told_in(node: ast.AST) -> Iterator[ast.expr]:
    """Docstrings, and decorators that tell something of a test."""
    for one in ast.walk(node):
        if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant):
            yield one.value
        for decorator in getattr(one, "decorator_list", []):
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Attribute) and called.attr in _TOLD:
                yield decorator


def names_of(node: ast.stmt) -> list[str]:
    """The names that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    inner = [one for target in targets if target is not None for one in ast.walk(target)]
    return [one.id for one in inner if isinstance(one, ast.Name)]
