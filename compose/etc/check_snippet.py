"""Try a snippet in a throw-away container: do its imports exist, and the classes that it sets?

Reads /tmp/snippet.py; the first argument is its scope, `hub` or `server`. Prints JSON: null, or
{"wrong": reason, "line": number}. Other exceptions are ignored, because a snippet may need
files or an environment that only a lab has; the hub itself reports those.
"""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

import config_lines
from check_settings import hub_classes, server_classes, with_parents
from traitlets.config import Config, Configurable

SNIPPET = Path("/tmp/snippet.py")


def wrong_in(scope: str, path: Path) -> dict[str, Any] | None:
    """The first import or class that is missing; None if there is none."""
    config = Config()
    names: dict[str, Any] = {"c": config}
    source = path.read_text()
    try:
        exec(compile(source, str(path), "exec"), names)
    except ImportError as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        reason = f"{type(error).__name__}: {error}"
        return {"wrong": reason, "line": frames[-1].lineno if frames else None}
    except (Exception, SystemExit):
        return None
    known = {*with_parents(hub_classes(config) if scope == "hub" else server_classes())}
    # Also the classes that the snippet defines or imports.
    known |= {found.__name__ for found in loaded(Configurable)}
    for name, traits in config.items():
        if isinstance(traits, Config) and name not in known:
            reason = f"no software in this lab has a class {name}"
            return {"wrong": reason, "line": config_lines.line_of(source, name)}
    return None


def loaded(base: type) -> set[type]:
    """A class and all its subclasses in this process."""
    return {base}.union(*(loaded(found) for found in base.__subclasses__()))


if __name__ == "__main__":
    print(json.dumps(wrong_in(sys.argv[1], SNIPPET)))
