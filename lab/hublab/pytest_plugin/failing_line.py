"""Where a test failed, in its user's own files, and what the failing line wanted."""

from __future__ import annotations

import ast
import inspect
import linecache
import os
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

import hublab

OURS = Path(hublab.__file__).parent
LONGEST_VALUE = 60
"""Characters of a value that is written in place of the name for it."""
OPERATORS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a user's file that was running."""

    path: Path
    number: int

    def shown(self, folder: Path) -> str:
        """File and line as a person in `folder` would name them."""
        return f"{os.path.relpath(self.path, folder)}:{self.number}"

    @property
    def statement(self) -> ast.stmt | None:
        """The innermost statement at this line."""
        try:
            tree = ast.parse("".join(linecache.getlines(str(self.path))))
        except SyntaxError:
            return None
        around = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.stmt)
            and node.lineno <= self.number <= (node.end_lineno or node.lineno)
        ]
        return max(around, key=lambda node: node.lineno, default=None)

    @property
    def source(self) -> str:
        """The statement as it is written; of a compound one its first line."""
        lines = linecache.getlines(str(self.path))
        node = self.statement
        if node is None or hasattr(node, "body"):
            return "".join(lines[self.number - 1 : self.number]).strip()
        return textwrap.dedent("".join(lines[node.lineno - 1 : node.end_lineno])).strip()


def users_places(excinfo: pytest.ExceptionInfo[BaseException], item: pytest.Item) -> list[Place]:
    """The lines of the user's own files that the failure passed through, the failing one last."""
    found = [Place(Path(entry.path), entry.lineno + 1) for entry in excinfo.traceback]
    own = [place for place in found if is_users(place.path, item)]
    return [one for n, one in enumerate(own) if one not in own[:n]]


def is_users(path: Path, item: pytest.Item) -> bool:
    """Whether a file is the test's or stands beside it, and is neither ours nor installed."""
    if path == item.path:
        return True
    near = (item.path.parent, item.config.rootpath)
    return any(path.is_relative_to(folder) for folder in near) and not (
        path.is_relative_to(OURS) or {"site-packages", "dist-packages"} & set(path.parts)
    )


def place_of(item: pytest.Item) -> Place:
    """Where a test begins, with its markers."""
    function = getattr(item, "function", None)
    # Without what decorators put around it, which is of another file.
    code = getattr(inspect.unwrap(function), "__code__", None) if function else None
    number = code.co_firstlineno if code else (item.reportinfo()[1] or 0) + 1
    return Place(item.path, number)


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison that did not hold: its operator, and both values as pytest writes them."""

    operator: str
    left: str
    right: str


def expected_and_seen(place: Place, compared: Compared | None) -> tuple[str, str] | None:
    """What an assertion wanted and what it got; None where the line is no assertion.

    The second is empty if the assertion is no comparison: its explanation says what was seen.
    A literal on the left is what is expected; else that stands on the right.
    """
    node = place.statement
    if not isinstance(node, ast.Assert):
        return None
    if compared is None:
        return ast.unparse(node.test), ""
    alike = [
        one
        for one in ast.walk(node.test)
        if isinstance(one, ast.Compare)
        and len(one.ops) == 1
        and OPERATORS[type(one.ops[0])] == compared.operator
    ]
    if len(alike) != 1:
        return ast.unparse(node.test), ""
    left, right = alike[0].left, alike[0].comparators[0]
    if is_literal(left) and not is_literal(right):
        return f"{ast.unparse(left)} {compared.operator} {ast.unparse(right)}", compared.right
    wanted = ast.unparse(right)
    if not is_literal(right) and len(compared.right) <= LONGEST_VALUE:
        wanted = compared.right
    return f"{ast.unparse(left)} {compared.operator} {wanted}", compared.left


def is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True
