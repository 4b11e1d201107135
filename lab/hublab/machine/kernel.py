"""The features of this kernel, as it lists them: this module loads and tries nothing."""

from __future__ import annotations

import contextlib
import gzip
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Features = Mapping[str, str]
"""Option without `CONFIG_` -> `y`, `m` or a value; options that are not set are absent."""


@dataclass(frozen=True, slots=True)
class Modules:
    """Names of modules that are loaded, built in or loadable.

    `complete` is False if only the loaded ones are known.
    """

    names: frozenset[str]
    complete: bool


class Kernel:
    """A kernel's features; `has` returns None if the kernel does not publish them."""

    def __init__(self, features: Features | None, modules: Modules) -> None:
        self._features = features
        self._modules = modules

    def has(self, option: str, module: str) -> bool | None:
        """Whether a feature is built in, or is a module that can be loaded.

        The configuration alone does not show it: the extra modules of a cloud kernel may be in a
        package that is not installed.
        """
        if module in self._modules.names:
            return True
        if self._features is not None:
            return self._features.get(option) == "y"
        return False if self._modules.complete else None


def this_kernel() -> Kernel:
    release = platform.release()
    return Kernel(read_features(release), read_modules(Path("/lib/modules") / release))


def read_features(release: str, root: Path = Path("/")) -> Features | None:
    """The configuration of a kernel, None if it is not in the usual files."""
    paths = (
        root / "proc/config.gz",
        root / f"boot/config-{release}",
        root / f"lib/modules/{release}/config",
    )
    for path in paths:
        with contextlib.suppress(OSError):
            raw = path.read_bytes()
            text = gzip.decompress(raw) if path.suffix == ".gz" else raw
            return dict(parse_features(text.decode(errors="replace")))
    return None


def parse_features(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if line.startswith("CONFIG_") and "=" in line:
            name, _, value = line.partition("=")
            yield name.removeprefix("CONFIG_"), value


def read_modules(folder: Path, loaded: Path = Path("/proc/modules")) -> Modules:
    """The modules in a kernel's folder and in the list of loaded modules."""
    names: set[str] = set()
    complete = False
    with contextlib.suppress(OSError):
        names |= {line.split()[0] for line in loaded.read_text(encoding="ascii").splitlines()}
    for index in ("modules.builtin", "modules.dep"):
        with contextlib.suppress(OSError):
            for line in (folder / index).read_text(encoding="utf-8").splitlines():
                file = line.partition(":")[0].rpartition("/")[2]
                names.add(file.partition(".ko")[0].replace("-", "_"))
            complete = index == "modules.dep"
    return Modules(frozenset(names), complete)
