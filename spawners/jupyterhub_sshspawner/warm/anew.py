"""Sets anew in a child what modules took from the environment, or the account, when imported.

Each entry knows one module, and which variables' values of its it can put right. A variable that a
module reads and no entry knows means the cold way where it has another value: so it is with what
later versions read.
"""

from __future__ import annotations

import gettext
import importlib
import os
import site
import sys
import sysconfig
import time

from .reads import ALL
from .refusal import Cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

LANGUAGES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def _lab() -> None:
    module: Any = sys.modules["jupyterlab.labapp"]
    _set_default(module.LabApp, "user_settings_dir", module.get_user_settings_dir())
    _set_default(module.LabApp, "workspaces_dir", module.get_workspaces_dir())


def _trash() -> None:
    importlib.reload(sys.modules["send2trash.plat_other"])


def _hub_auth() -> None:
    auth: Any = sys.modules["jupyterhub.services.auth"].HubAuth
    get = os.environ.get
    _set_default(auth, "base_url", get("JUPYTERHUB_SERVICE_PREFIX") or "/")
    _set_default(auth, "api_url", get("JUPYTERHUB_API_URL") or "http://127.0.0.1:8081/hub/api")
    _set_default(auth, "keyfile", get("JUPYTERHUB_SSL_KEYFILE", ""))
    _set_default(auth, "certfile", get("JUPYTERHUB_SSL_CERTFILE", ""))
    _set_default(auth, "client_ca", get("JUPYTERHUB_SSL_CLIENT_CA", ""))


def _session() -> None:
    """The key as well, which all servers of the parent, whoever's, would have in common."""
    module: Any = sys.modules["jupyter_client.session"]
    _set_default(module.Session, "username", os.environ.get("USER", "username"))
    module.session_flags["secure"][0]["Session"]["key"] = module.new_id_bytes()


def _languages() -> None:
    """Nothing to do where no language has a catalogue; else the imported one stays."""
    module: Any = sys.modules["jupyter_server.transutils"]
    if gettext.find("notebook", os.path.join(module.base_dir, "notebook/i18n")):
        raise Cold("jupyter_server has messages in another language")


def _user_base() -> None:
    site.USER_BASE = site.USER_SITE = None
    sysconfig.get_config_vars()["userbase"] = site.getuserbase()
    site.getusersitepackages()


def _cgi() -> None:
    module: Any = sys.modules["wsgiref.handlers"]
    module.BaseHandler.os_environ = module.read_environ()


def _folder() -> None:
    module: Any = sys.modules["multiprocessing.process"]
    module.ORIGINAL_DIR = os.getcwd()


def _clock() -> None:
    """Where log records count milliseconds from: nanoseconds since 3.13, seconds before."""
    module: Any = sys.modules["logging"]
    whole = isinstance(module._startTime, int)
    module._startTime = time.time_ns() if whole else time.time()


class Entry:
    """What one module took, and how it takes it again."""

    def __init__(self, take: Callable[[], None], *variables: str) -> None:
        self.take, self.variables = take, variables

    def knows(self, variable: str) -> bool:
        return ALL in self.variables or variable in self.variables


ENTRIES = {
    # PATH: it runs ``node yarn.js`` for the address of a registry, and keeps nothing of it
    "jupyterlab.labapp": Entry(
        _lab, "HOME", "PATH", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR",
        "JUPYTER_CONFIG_DIR",
    ),
    "send2trash.plat_other": Entry(_trash, "HOME", "XDG_DATA_HOME"),
    "jupyterhub.services.auth": Entry(
        _hub_auth, "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_API_URL", "JUPYTERHUB_SSL_KEYFILE",
        "JUPYTERHUB_SSL_CERTFILE", "JUPYTERHUB_SSL_CLIENT_CA",
    ),
    "jupyter_client.session": Entry(_session, "USER"),
    "jupyter_server.transutils": Entry(_languages, *LANGUAGES),
    "sysconfig": Entry(_user_base, "HOME"),
    "sqlalchemy.util.compat": Entry(_user_base, "HOME"),
    "wsgiref.handlers": Entry(_cgi, ALL),
    "multiprocessing.process": Entry(_folder),
    "logging": Entry(_clock),
}  # fmt: skip

# What they took is not of the environment alone: the uid, a random key, the folder, the time.
ALWAYS = (
    "send2trash.plat_other", "jupyter_client.session", "sysconfig", "multiprocessing.process",
    "logging",
)  # fmt: skip


def check(differing: list[tuple[str, str]]) -> None:
    """Raises Cold for a variable with another value that a module has read and nobody knows."""
    for variable, module in differing:
        entry = ENTRIES.get(module)
        if not entry or not entry.knows(variable):
            raise Cold("%s differs, which %s read when it was imported" % (variable, module))


def take(differing: list[tuple[str, str]]) -> None:
    """Have each module take its values again, from the environment that is in force by now."""
    for module in sorted({module for _, module in differing} | set(ALWAYS)):
        if module in sys.modules:
            ENTRIES[module].take()


def _set_default(kind: Any, name: str, value: str) -> None:
    """A trait's default, for the class and those below it."""
    trait = getattr(kind, name)
    trait.default_value = value
    classes = [kind]
    for one in classes:
        classes += one.__subclasses__()
        prepared = getattr(one, "_static_immutable_initial_values", {})  # traitlets 5.1 and later
        if getattr(one, name, None) is trait and name in prepared:
            prepared[name] = value
