"""The score of `--sabotage` in a file, so that a long run can be stopped and go on.

A sentence whose break was noticed counts until the scenario, what it uses, or its break changes
(`code_digest`). The file is small and sorted, so that it can be kept in git.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hublab.errors import UsageError
from hublab.journal.private_file import write_private
from hublab.pytest_plugin.breaks import WHOLE, breaks_of
from hublab.pytest_plugin.code_digest import code_digest
from hublab.pytest_plugin.item_names import scenario_of
from hublab.settings.values import NO_SETTINGS


class Noticed(enum.Enum):
    """Whether a break was noticed."""

    YES = "yes"
    NEVER = "not yet"
    BEFORE = "not since it changed"


@dataclass(frozen=True, slots=True)
class Subject:
    """One sentence of a scenario, which must be able to fail, and what it was when it did."""

    name: str
    digest: str

    @classmethod
    def of(cls, item: pytest.Item, sentence: str = WHOLE) -> Subject:
        """A sentence of a collected test; the test as a whole without one."""
        scenario = scenario_of(item)
        by = {one.sentence: one.settings for one in breaks_of(item)}.get(sentence, NO_SETTINGS)
        digest = code_digest(item.path, scenario.rpartition("::")[2], by.digest)
        return cls(f"{scenario}: {sentence}" if sentence else scenario, digest)


@dataclass(slots=True)
class KeptScore:
    """What earlier runs noticed, by the names of subjects."""

    path: Path
    found: str = "{}"
    """What the file had."""
    _kept: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, found: str | None = None) -> KeptScore:
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
        return cls(path, found, kept)

    def noticed(self, subject: Subject) -> Noticed:
        """Whether its break was noticed."""
        kept = self._kept.get(subject.name)
        if kept is None:
            return Noticed.NEVER
        return Noticed.YES if kept.get("digest") == subject.digest else Noticed.BEFORE

    def add(self, subject: Subject, pair: str) -> None:
        """Keep a subject whose break was noticed, in the file at once."""
        self._kept[subject.name] = {"digest": subject.digest, "pair": pair}
        text = json.dumps(dict(sorted(self._kept.items())), indent=1, ensure_ascii=False)
        try:
            write_private(self.path, f"{text}\n".encode())
        except OSError as error:
            pytest.exit(f"--lab-score: cannot write {self.path}: {error.strerror}")
