"""The lines in which a configuration file names its settings, classes, modules and subconfigs."""

import ast
from collections.abc import Mapping


def lines_of(source: str) -> dict[str, int]:
    """Each `Class.trait` that a configuration names, and the last line that sets or changes it.

    Where none does, the last line that reads it: a function may set it.
    """
    tree = ast.parse(source)
    aliases, changed = aliases_in(tree), changed_in(tree)
    read: dict[str, int] = {}
    written: dict[str, int] = {}
    for node in ast.walk(tree):
        owner = getattr(node, "value", None)
        trait = part_of(node, {})
        class_name = part_of(owner, aliases)
        if trait and class_name and isinstance(node, (ast.Attribute, ast.Subscript)):
            store = isinstance(node.ctx, ast.Store) or node in changed
            found = written if store else read
            key = f"{class_name}.{trait}"
            found[key] = max(node.lineno, found.get(key, 0))
    return {**read, **written}


def part_of(node: ast.AST | None, aliases: Mapping[str, str]) -> str | None:
    """The last name of `c.Class`, `c["Class"]`, or of another name for it; None of all else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return aliases.get(node.id) if isinstance(node, ast.Name) else None


def aliases_in(tree: ast.AST) -> dict[str, str]:
    """Other names for classes: `hub = c.JupyterHub`."""
    return {
        target.id: name
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and (name := part_of(node.value, {}))
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def changed_in(tree: ast.AST) -> set[ast.AST]:
    """What a method changes, as in `c.Class.trait.append(…)`, or an assignment to a part of it."""
    calls = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    parts = {
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
    }
    return {
        node.value for node in calls | parts if isinstance(node, (ast.Attribute, ast.Subscript))
    }


def line_of(source: str, class_name: str) -> int | None:
    """The last line of a configuration that refers to a class, as c.Class."""
    lines = [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr == class_name
    ]
    return max(lines, default=None)


def import_line(source: str, module: str) -> int | None:
    """The first line that imports a module."""
    for node in ast.walk(ast.parse(source)):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if any(name.partition(".")[0] == module for name in names):
            return int(getattr(node, "lineno", 0)) or None
    return None


def subconfig_line(source: str, name: str) -> int | None:
    """The line in which a file loads a subconfig by a literal name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "load_subconfig":
            given = [getattr(one, "value", None) for one in node.args]
            if name in given:
                return node.lineno
    return None
