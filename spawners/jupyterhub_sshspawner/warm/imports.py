"""What a single-user server has imported when it listens.

Recorded from a cold start of jupyterhub-singleuser 6.1.1 with JupyterLab 4.6 and 4.5: these names
bring in the rest. What is not there, in this version or on this node, is left out.
"""

from __future__ import annotations

import gc
import importlib
import sys

FORBIDDEN = "jupyterhub.singleuser.app"
"""Never in a parent: its children list files and refuse every write (KeyError: 'hub_auth')."""

NEEDED = "jupyterhub.singleuser.extension"

MODULES = (
    NEEDED, "jupyterlab.labapp", "notebook.app", "jupyter_lsp", "jupyter_server_terminals",
    "notebook_shim.nbserver", "jupyter_core.migrate", "tornado.platform.asyncio", "IPython.core",
    "jinja2.ext", "jupyter_server.services.api.handlers",
    "jupyter_server.services.config.handlers", "jupyter_server.services.contents.handlers",
    "jupyter_server.services.kernels.handlers", "jupyter_server.services.kernelspecs.handlers",
    "jupyter_server.kernelspecs.handlers", "jupyter_server.nbconvert.handlers",
    "jupyter_server.services.nbconvert.handlers", "jupyter_server.services.security.handlers",
    "jupyter_server.services.sessions.handlers", "jupyter_server.services.shutdown",
    "jupyter_server.view.handlers", "jupyter_server.services.events.handlers",
    "jupyter_lsp.virtual_documents_shadow", "httpcore._models",
)  # fmt: skip


def import_all() -> list[str]:
    """Import them; returns those that are not there. Raises ImportError without JupyterHub's."""
    missing = []
    for name in MODULES:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            if name == NEEDED:
                raise
            missing.append(name)
    if FORBIDDEN in sys.modules:
        raise ImportError("%s must not be imported before the fork" % FORBIDDEN)
    return missing


def freeze() -> None:
    """So that no collection ever writes to what is shared: one would un-share it all."""
    gc.disable()
    gc.collect()
    gc.freeze()
