"""Every error that hublab raises on purpose, as one small tree.

Each branch has its exit code: an expectation failed (1), the result is undecided (2), this machine
lacks something (3), the user's input is wrong (64), hublab or the engine failed (70), interrupted
(130).
"""

from __future__ import annotations

from typing import ClassVar


class HublabError(Exception):
    """One clear message: what went wrong, where, and a hint.

    `where` is a place that the reader can look at (an option, `file:line`, a host); `hint` is what
    to write or do instead. Both may be None. Continuation lines keep their indentation.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.message]
        if self.where:
            lines.append(_labelled("where", self.where))
        if self.hint:
            lines.append(_labelled("hint", self.hint))
        return "\n".join(lines)

    def as_json(self) -> dict[str, str | int | None]:
        """The error as data, for `--json`."""
        return {
            "error": type(self).__name__,
            "message": self.message,
            "where": self.where,
            "hint": self.hint,
            "exit_code": self.exit_code,
        }


def _labelled(label: str, text: str) -> str:
    head = f"  {label}: "
    return head + text.replace("\n", "\n" + " " * len(head))


class ExpectationFailed(HublabError):
    """A check ran, and its result is not the expected one."""

    exit_code = 1


class Undecided(HublabError):
    """A check could not run properly, so its result is unknown."""

    exit_code = 2


class MachineError(HublabError):
    """This machine cannot run the command; the message names what is missing."""

    exit_code = 3


class UsageError(HublabError):
    """The user's input cannot be used: an option, a value, a file, a name."""

    exit_code = 64


class SettingError(UsageError):
    """A setting or an axis that cannot be read, or that the running software does not know."""


class TopologyError(UsageError):
    """Compose files that do not form a lab."""


class JournalError(UsageError):
    """A file that is not a journal of hublab."""


class LabNameError(UsageError):
    """A lab name that is not allowed or already in use."""


class NoSuchLab(UsageError):
    """No lab of that name is running."""


class NoSuchHost(UsageError):
    """The lab has no host of that name."""


class InternalError(HublabError):
    """A defect of hublab: something that a user can neither cause nor repair."""

    exit_code = 70


class EngineError(InternalError):
    """A call to Docker or Compose failed; the message has what was attempted, and its output."""


class HostDown(EngineError):
    """A host of the lab does not run, so no command can run on it."""


class LabError(InternalError):
    """A lab did not come up, or its state has changed unexpectedly."""


class HubError(HublabError):
    """The hub, or what it started, refused: a spawn that failed, a request that was denied.

    A lab exists to show that, so it counts as a failed expectation and not as a defect of hublab.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        status: int | None = None,
    ) -> None:
        """`status` is the HTTP status of a request that the hub itself refused."""
        super().__init__(message, where=where, hint=hint)
        self.status = status


class Interrupted(HublabError):
    """Ctrl-C, or a signal that asks for the same."""

    exit_code = 130


def in_words(error: BaseException) -> str:
    """The message of another library's error; its class if it has none, as a TimeoutError."""
    if type(error).__name__ == "TooManyRedirects":  # aiohttp's says "0, message=''"
        return "it redirects again and again"
    return str(error) or type(error).__name__
