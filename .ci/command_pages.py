"""Write docs/commands: a page for each command of hublab, from the command's own help.

.venv/bin/python .ci/command_pages.py [--check]     --check: only report whether they are current
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from hublab.cli import cli

PAGES = Path(__file__).resolve().parents[1] / "docs" / "commands"
WIDTH = 88


def commands(group: click.Group, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every command below a group: its words, and the text of its --help."""
    context = click.Context(group, info_name=words[-1])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        own = (*words, name)
        if isinstance(command, click.Group):
            yield from commands(command, own)
        else:
            info = click.Context(command, info_name=" ".join(own), max_content_width=WIDTH)
            yield own, command.get_help(info)


def page(words: tuple[str, ...], text: str) -> str:
    """One page: description, usage with options, and examples, as Markdown."""
    usage, _, rest = text.partition("\n\n")
    description, _, options = rest.partition("\nOptions:\n")
    description, _, examples = description.partition("\n  Examples:\n")
    parts = [f"# {' '.join(words)}", unindented(description)]
    parts += ["## Usage", f"```text\n{usage.removeprefix('Usage: ')}\n\n{options.rstrip()}\n```"]
    if examples.strip():
        parts += ["## Examples", f"```console\n{prompted(examples)}\n```"]
    return "\n\n".join(parts) + "\n"


def unindented(text: str) -> str:
    return "\n".join(line.removeprefix("  ") for line in text.strip("\n").splitlines()).strip()


def prompted(examples: str) -> str:
    return "\n".join(f"$ {line.strip()}" for line in examples.splitlines() if line.strip())


def main(arguments: list[str]) -> int:
    pages = {
        f"{'-'.join(words[1:])}.md": page(words, text) for words, text in commands(cli, ("hublab",))
    }
    index = "\n".join(f"- [hublab {n.removesuffix('.md').replace('-', ' ')}]({n})" for n in pages)
    pages["README.md"] = (
        f"# Commands\n\n`make docs` writes these pages from `hublab COMMAND --help`.\n\n{index}\n"
    )
    present = {path.name: path.read_text() for path in PAGES.glob("*.md")}
    if "--check" in arguments:
        stale = sorted(n for n in pages.keys() | present.keys() if pages.get(n) != present.get(n))
        if stale:
            print(f"stale: {', '.join(stale)}; `make docs` writes them", file=sys.stderr)
        return int(bool(stale))
    PAGES.mkdir(parents=True, exist_ok=True)
    for name in present.keys() - pages.keys():
        (PAGES / name).unlink()
    for name, text in pages.items():
        (PAGES / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
