"""What this kernel can do, read from what it says of itself: nothing is loaded or tried."""

from __future__ import annotations

import contextlib
import gzip
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Features = Mapping[str, str]
"""Option without `CONFIG_` -> `y`, `m` or a value; what is not set is absent."""


@dataclass(frozen=True, slots=True)
class Modules:
    """Names of modules that are loaded, built in or ready; complete when not only the loaded."""

    names: frozenset[str]
    complete: bool


class Kernel:
    """A kernel's features; `has` answers None where it keeps them to itself."""

    def __init__(self, features: Features | None, modules: Modules) -> None:
        self._features = features
        self._modules = modules

    def has(self, option: str, module: str) -> bool | None:
        """Whether a feature is built in, or a module that stands ready to be loaded.

        The configuration alone is not enough: a cloud kernel's extra modules may be in a
        package of their own that is not installed.
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
    """The configuration of a kernel, None where it is nowhere to be found."""
    places = (
        root / "proc/config.gz",
        root / f"boot/config-{release}",
        root / f"lib/modules/{release}/config",
    )
    for place in places:
        with contextlib.suppress(OSError):
            raw = place.read_bytes()
            text = gzip.decompress(raw) if place.suffix == ".gz" else raw
            return dict(parse_features(text.decode(errors="replace")))
    return None


def parse_features(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if line.startswith("CONFIG_") and "=" in line:
            name, _, value = line.partition("=")
            yield name.removeprefix("CONFIG_"), value


def read_modules(folder: Path, loaded: Path = Path("/proc/modules")) -> Modules:
    """What the module folder of a kernel and the list of loaded ones say."""
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
