"""Which environment variables modules read while they are imported.

Their values are frozen in every child. Recorded during the parent's own imports, so it is true of
the versions that are there, whatever they are.
"""

from __future__ import annotations

import contextlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

ALL = "*"  # of a module that reads them all

# Read by the interpreter or a C library when the process starts, so nobody can record it.
AT_START = ("LD_", "PYTHON", "MALLOC_", "GLIBC_TUNABLES", "OPENSSL_", "GCONV_PATH", "LOCPATH",
            "NLSPATH", "FAKETIME", "ASAN_", "UBSAN_")  # fmt: skip


class Reads:
    """``seen`` is ``{variable: {module: value}}``; None for a variable that was not set."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, str | None]] = {}

    @contextlib.contextmanager
    def recorded(self) -> Iterator[None]:
        """Record what is read within. Afterwards the environment is as if nobody had looked."""
        kind: Any = type(os.environ)
        get, each = kind.__getitem__, kind.__iter__

        def read(environ: Any, key: Any) -> Any:
            try:
                value = get(environ, key)
            except KeyError:
                self._note(key, None)
                raise
            self._note(key, value)
            return value

        def read_all(environ: Any) -> Any:
            self._note(ALL, None)
            return each(environ)

        kind.__getitem__, kind.__iter__ = read, read_all
        try:
            yield
        finally:
            kind.__getitem__, kind.__iter__ = get, each

    def _note(self, key: str | bytes, value: str | bytes | None) -> None:
        module = _importing()
        if module:
            text = None if value is None else os.fsdecode(value)
            self.seen.setdefault(os.fsdecode(key), {}).setdefault(module, text)

    def differing(self, env: dict[bytes, bytes]) -> list[tuple[str, str]]:
        """Variables that have another value here, each with a module that has read it."""
        found = []
        for variable, modules in sorted(self.seen.items()):
            value = env.get(os.fsencode(variable))
            here = None if value is None else os.fsdecode(value)
            for module, there in sorted(modules.items()):
                if variable == ALL or here != there:
                    found.append((variable, module))
        return found


def read_at_start(env: dict[bytes, bytes]) -> list[str]:
    """Variables that mean something to a process that starts, and nothing to one that is forked."""
    names = (os.fsdecode(name) for name, value in env.items() if value)
    return sorted(name for name in names if name.startswith(AT_START))


def _importing() -> str:
    """The module whose body is being executed, directly or by what it calls."""
    frame = sys._getframe(3)
    while frame:
        if frame.f_code.co_name == "<module>":
            return str(frame.f_globals.get("__name__", ""))
        frame = frame.f_back  # type: ignore[assignment]
    return ""
