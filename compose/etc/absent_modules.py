"""Stand-ins for spawners and authenticators that a configuration imports and that are not here.

A lab starts servers its own way, so that a missing spawner is no reason to refuse the whole file.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

ABOUT = re.compile(r"spawner|authenticator|^(oauthenticator|jhub_cas|jhubauth|ltiauth)", re.I)
"""Names of top-level modules that replace a spawner or an authenticator."""
MARK = "absent_from_the_lab"
"""The attribute of a stand-in class: the module that is missing."""


class AbsentModule(ModuleType):
    """A module whose every public name is a class."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = stand_in(self.__name__, name)
        setattr(self, name, made)
        return made


def stand_in(module: str, name: str) -> type:
    """A class for a name: a spawner, an authenticator, or one that accepts all arguments."""
    from jupyterhub.auth import Authenticator
    from jupyterhub.spawner import Spawner

    marked: dict[str, Any] = {MARK: module.partition(".")[0], "__module__": module}
    if "Spawner" in name:  # a configuration may derive a class, for which JupyterHub wants these
        return type(name, (Spawner,), {**marked, **dict.fromkeys(("start", "stop", "poll"), never)})
    if "Authenticator" in name:
        return type(name, (Authenticator,), marked)
    return type(name, (), {**marked, "__init__": lambda self, *given, **named: None})


async def never(self: Any, *given: Any, **named: Any) -> None:
    """What a stand-in does in place of the missing class; the lab uses none."""
    raise NotImplementedError(f"{type(self).__name__} is not installed in the lab")


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what nothing else found, and notes which modules those were."""

    def __init__(self) -> None:
        self.absent: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        top = fullname.partition(".")[0]
        if (fullname != top and top not in self.absent) or not ABOUT.search(top):
            return None
        self.absent.add(top)
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def absent_modules() -> Iterator[set[str]]:
    """In this block a missing spawner or authenticator can be imported; yields their modules."""
    finder = Finder()
    sys.meta_path.append(finder)
    try:
        yield finder.absent
    finally:
        sys.meta_path.remove(finder)
        for name in [one for one in sys.modules if one.partition(".")[0] in finder.absent]:
            del sys.modules[name]


def absent(found: type) -> str | None:
    """The missing module on which a class depends; None if there is none."""
    return getattr(found, MARK, None)
