"""The score of `--sabotage` in a file, so that a long run can be stopped and go on.

A scenario that failed when it should counts as caught until its file changes, or a module or
snippet beside it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hublab.errors import UsageError
from hublab.journal.private_file import write_private


@dataclass(slots=True)
class KeptScore:
    """The scenarios that earlier runs caught, by their ids without the case."""

    path: Path
    root: Path
    """The folder from which the ids of tests count."""
    found: str = "{}"
    """What the file had."""
    _kept: dict[str, dict[str, str]] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, root: Path, found: str | None = None) -> KeptScore:
        """What a file has, or had when it was `found`; nothing where there is none yet.

        Raises UsageError for another file.
        """
        try:
            if found is None:
                found = path.read_text(encoding="utf-8") if path.exists() else "{}"
            data = json.loads(found)
            kept = {str(name): {k: str(v) for k, v in one.items()} for name, one in data.items()}
        except (OSError, ValueError, AttributeError) as error:
            raise UsageError(f"it is no score: {error}", where=f"--lab-score: {path}") from None
        return cls(path, root, found, kept)

    def caught(self, scenario: str) -> str | None:
        """The pair with which a scenario failed, which has not changed since; else None."""
        kept = self._kept.get(scenario)
        return kept.get("pair") if kept and kept.get("digest") == self._digest(scenario) else None

    def add(self, scenario: str, pair: str) -> None:
        """Keep a scenario that failed as it should, in the file at once."""
        self._kept[scenario] = {"digest": self._digest(scenario), "pair": pair}
        text = json.dumps(dict(sorted(self._kept.items())), indent=1)
        try:
            write_private(self.path, f"{text}\n".encode())
        except OSError as error:
            pytest.exit(f"--lab-score: cannot write {self.path}: {error.strerror}")

    def _digest(self, scenario: str) -> str:
        name = scenario.partition("::")[0]
        if name not in self._digests:
            file = self.root / name
            near = file.parent.rglob("*.py")
            beside = [one for one in near if not one.name.startswith("test_")]
            digest = hashlib.sha256()
            for path in (file, *sorted(beside)):
                digest.update(f"\0{path.name}\0".encode())
                digest.update(path.read_bytes())
            self._digests[name] = digest.hexdigest()[:12]
        return self._digests[name]
