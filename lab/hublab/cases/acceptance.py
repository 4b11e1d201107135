"""Checks that the software of a lab accepts settings, once for each set of them."""

from __future__ import annotations

from collections.abc import Iterable

from hublab.running.lab import Lab
from hublab.settings.checking import accepted, check_settings
from hublab.settings.syntax import SCOPES, is_snippet
from hublab.settings.values import Settings


class Acceptance:
    """Remembers what a lab's software has accepted."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._accepted: set[str] = set()
        self._expected: list[Settings] = []

    def expect(self, upcoming: Iterable[Settings]) -> None:
        """Announce settings that `check` will get: checking them together is faster."""
        self._expected += upcoming

    def check(self, settings: Settings) -> None:
        """Have the lab's own software check settings. Raises SettingError."""
        if self._expected:
            many = [one.only(scope) for one in self._expected for scope in SCOPES]
            plain = [one for one in many if not any(is_snippet(key) for key in one)]
            self._expected = []
            self._accepted |= accepted(self.lab.engine, self.lab.images, plain, lab=self.lab.name)
        parts = [settings.only(scope) for scope in SCOPES]
        new = [part for part in parts if part and part.digest not in self._accepted]
        unchecked = Settings({key: value for part in new for key, value in part.items()})
        check_settings(self.lab.engine, self.lab.images, unchecked, lab=self.lab.name)
        self._accepted |= {part.digest for part in new}
