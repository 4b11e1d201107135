"""A page that a script makes: written, or with `--check` compared with what is there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def write_or_check(path: Path, current: str, arguments: Sequence[str], writes: str) -> int:
    """Write a page; with `--check` return 1 where it is another one, and say what `writes` it."""
    if "--check" not in arguments:
        path.write_text(current, encoding="utf-8")
        return 0
    stale = not path.exists() or path.read_text(encoding="utf-8") != current
    if stale:
        print(f"{path.relative_to(ROOT)} is stale; {writes} writes it", file=sys.stderr)
    return int(stale)
