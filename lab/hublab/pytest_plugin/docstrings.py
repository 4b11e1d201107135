"""What a scenario's docstring says: its title, why it matters, and its sources."""

from __future__ import annotations

import re

_SOURCES = re.compile(r"^Sources?:", re.MULTILINE)


def read_docstring(text: str) -> tuple[str, str, list[str]]:
    """Title, why it matters, and sources, from a scenario's docstring.

    The title is the first paragraph; `Why it matters:` and `Sources:` begin paragraphs of their
    own; several sources are a list of `- ` items.
    """
    paragraphs = text.strip().split("\n\n")
    title = _joined(paragraphs[0])
    why, sources = "", []
    for paragraph in paragraphs[1:]:
        if paragraph.startswith("Why it matters:"):
            why = _joined(paragraph.partition(":")[2])
        elif _SOURCES.match(paragraph):
            rest = paragraph.partition(":")[2].strip()
            parts = re.split(r"^- ", rest, flags=re.MULTILINE) if rest.startswith("- ") else [rest]
            sources = [_joined(part) for part in parts if part.strip()]
    return title, why, sources


def _joined(text: str) -> str:
    return " ".join(text.split())
