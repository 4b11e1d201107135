"""A fault as one line of text, in the words of `hublab fault`: `partition hub node1`. Pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from hublab.errors import SettingError

NONE = "none"
"""No fault, to compare with."""
FORMS = {
    "freeze": "freeze HOST",
    "partition": "partition ONE OTHER",
    "clock": "clock HOST SECONDS",
}
"""Each kind of fault, and how it is written."""
LONGEST = 600.0
"""Seconds: how long a fault lasts that is healed before, by what began it."""
HINT = ", ".join([NONE, *FORMS.values(), "each with --for TIME where it ends earlier"])
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


@dataclass(frozen=True, slots=True)
class FaultLine:
    """A fault as it is asked for; its hosts may not exist."""

    kind: str
    hosts: tuple[str, ...] = ()
    ahead: float = 0.0
    """Of a clock: seconds by which it is ahead."""
    seconds: float = LONGEST
    """How long it lasts at most."""

    def __str__(self) -> str:
        """The same line in one spelling, which `parse_fault` reads; `:` is its blank."""
        words = [self.kind, *self.hosts]
        words += [f"{self.ahead:+g}"] if self.kind == "clock" else []
        words += ["--for", f"{self.seconds:g}s"] if self.seconds != LONGEST else []
        return ":".join(words)


def parse_fault(text: str, *, where: str | None = None) -> FaultLine:
    """Read a line, whose words are parted by blanks or `:`. Raises SettingError."""
    words = text.replace(":", " ").split()
    seconds = LONGEST
    if "--for" in words:
        at = words.index("--for")
        if at != len(words) - 2 or (seconds := parse_duration(words[-1]) or 0.0) <= 0:
            raise SettingError(f"{text!r} has no time", where=where, hint="--for 6s, 500ms or 2m")
        words = words[:at]
    kind, *rest = words or [""]
    if kind == NONE and not rest and seconds == LONGEST:
        return FaultLine(NONE)
    if kind not in FORMS:
        near = difflib.get_close_matches(kind, [*FORMS, NONE], n=1)
        hint = FORMS.get(near[0], NONE) if near else HINT
        raise SettingError(f"there is no fault {kind!r}", where=where, hint=hint)
    if len(rest) != len(FORMS[kind].split()) - 1:
        raise SettingError(f"{text!r} is not a fault", where=where, hint=FORMS[kind])
    if kind != "clock":
        return FaultLine(kind, tuple(rest), seconds=seconds)
    try:
        return FaultLine(kind, (rest[0],), float(rest[1]), seconds)
    except ValueError:
        wrong = f"{rest[1]!r} is no number of seconds"
        raise SettingError(wrong, where=where, hint="clock HOST +3600") from None


def parse_duration(text: str) -> float | None:
    """Seconds of `6s`, `500ms`, `2m` or `6`; None for anything else."""
    found = DURATION.fullmatch(text)
    return float(found[1]) * UNITS[found[2]] if found else None
