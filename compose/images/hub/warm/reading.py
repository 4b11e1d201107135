"""Which variables of the environment modules read while they are being imported, and what they saw.

A forked hub has what its parent read. So a hub whose value is another one must not be forked. What
reads the environment past `os.environ` (the C library, OpenSSL, the linker, Python itself) is not
seen here and listed by name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping

BEYOND = ("LANG", "LANGUAGE", "TZ", "HOME", "PATH", "OPENSSL_CONF", "OPENSSL_MODULES")
BEYOND_PREFIXES = ("LD_", "LC_", "PYTHON", "MALLOC_", "GLIBC_", "FAKETIME", "SSL_CERT_")
"""What the C library, OpenSSL, the linker and the interpreter read at their start, too."""
PLUMBING = ("os", "_collections_abc", "collections", "importlib", "posixpath", __name__)
"""Modules through which others read: the reader is who called them."""


class Reading:
    """Records reads of `os.environ` from `begin` to `end`."""

    def __init__(self) -> None:
        self.variables: dict[str, set[str]] = {}
        self.whole: set[str] = set()
        """The modules that went through the whole environment."""
        self._original: dict[str, Callable] = {}

    def begin(self) -> None:
        environ = type(os.environ)
        self._original = {
            name: getattr(environ, name) for name in ("__getitem__", "__iter__", "copy")
        }
        get, walk, copy = self._original.values()

        def getitem(of: Mapping, name: str) -> str:
            self.variables.setdefault(os.fsdecode(name), set()).add(reader())
            return get(of, name)

        def walked(of: Mapping) -> Iterator[str]:
            self.whole.add(reader())
            return walk(of)

        def copied(of: Mapping) -> dict[str, str]:
            self.whole.add(reader())
            return copy(of)

        environ.__getitem__, environ.__iter__, environ.copy = getitem, walked, copied  # type: ignore[method-assign]

    def end(self) -> None:
        for name, method in self._original.items():
            setattr(type(os.environ), name, method)


def reader() -> str:
    """The name of the module that reads."""
    frame = sys._getframe(2)
    while frame.f_back is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] not in PLUMBING:
            return name
        frame = frame.f_back
    return "__main__"


def difference(names: set[str], here: Mapping[str, str], wanted: Mapping[str, str]) -> str | None:
    """The first variable that was read and is another in a wanted environment; None if none is."""
    beyond = {name for name in {*here, *wanted} if name.startswith(BEYOND_PREFIXES)}
    for name in sorted({*names, *beyond, *BEYOND}):
        if here.get(name) != wanted.get(name):
            return name
    return None
