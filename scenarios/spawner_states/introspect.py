# ruff: noqa: F821
"""A Jupyter server that writes down what it is made of, again and again, into its user's home.

Names and classes only: no values of the environment, no tokens.
"""

import asyncio
import functools
import json
import os
import sys
import types
from pathlib import Path
from typing import Any

c: Any  # what traitlets calls the configuration; given by the lab

KIND = "hub" if "JUPYTERHUB_API_URL" in os.environ else "plain"
FILE = Path.home() / f"introspection-{KIND}.json"
SETTINGS = ("xsrf_cookies", "headers", "page_config_hook", "log_function", "authorizer")
TRAITS = (
    *("ip", "port", "port_retries", "base_url", "default_url", "open_browser", "answer_yes"),
    *("allow_remote_access", "trust_xheaders", "quit_button", "identity_provider_class"),
)


def named(value: Any) -> Any:
    """A value as JSON has it; of anything else the name of its function or class."""
    if isinstance(value, bool | int | str | None):
        return value
    if isinstance(value, functools.partial):
        return named(value.func)
    if isinstance(value, dict):
        return {str(key): named(inner) for key, inner in value.items()}
    kind = value if hasattr(value, "__qualname__") else type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def rules(router: Any) -> Any:
    """Every pattern and its handler, of routers in routers too."""
    for rule in router.rules:
        if hasattr(rule.target, "rules"):
            yield from rules(rule.target)
        elif hasattr(rule.matcher, "regex"):
            yield rule.matcher.regex.pattern, named(rule.target)


def introspection(app: Any) -> dict[str, Any]:
    base = app.base_url
    handlers = {
        "/" + pattern.removeprefix(base).removeprefix("/").rstrip("$"): handler
        for pattern, handler in rules(app.web_app.default_router)
    }
    return {
        "handlers": handlers,
        "settings": {key: named(app.web_app.settings.get(key)) for key in SETTINGS},
        "traits": {key: named(getattr(app, key)) for key in TRAITS},
        "delete_to_trash": app.contents_manager.delete_to_trash,
        "tasks": sorted(
            {str(getattr(t.get_coro(), "__qualname__", t)) for t in asyncio.all_tasks()}
        ),
        "extensions": sorted(app.extension_manager.extensions),
        "environment": sorted(key for key in os.environ if key.startswith("JUPYTERHUB_")),
    }


async def keep_writing(app: Any) -> None:
    rounds = 0
    while True:
        await asyncio.sleep(0.3)
        rounds += 1
        part = FILE.with_suffix(".part")
        part.write_text(json.dumps({**introspection(app), "rounds": rounds}))
        part.rename(FILE)


def load(app: Any) -> None:
    app.io_loop.add_callback(keep_writing, app)


module = types.ModuleType("hublab_introspection")
module._jupyter_server_extension_points = lambda: [{"module": "hublab_introspection"}]  # type: ignore[attr-defined]
module._load_jupyter_server_extension = load  # type: ignore[attr-defined]
sys.modules[module.__name__] = module
c.ServerApp.jpserver_extensions.update({module.__name__: True})
