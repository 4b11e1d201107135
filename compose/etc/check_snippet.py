"""Try a snippet in a throw-away container: does what it imports exist, and what it sets?

Reads /tmp/snippet.py; the first argument says whose it is, `hub` or `server`. Prints JSON: null,
or {"wrong": reason, "line": number}. What else a snippet may stumble over (the files of a lab, its
environment) is not here, so that is left for the hub itself to say.
"""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

import own_config
from check_settings import hub_classes, server_classes, with_parents
from traitlets.config import Config, Configurable

SNIPPET = Path("/tmp/snippet.py")


def wrong_in(whose: str, path: Path) -> dict[str, Any] | None:
    """The first thing that is not there; None: all is."""
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
    known = {*with_parents(hub_classes(config) if whose == "hub" else server_classes())}
    # Whatever else it brought along, or was loaded with all this.
    known |= {found.__name__ for found in loaded(Configurable)}
    for name, traits in config.items():
        if isinstance(traits, Config) and name not in known:
            reason = f"nothing in this lab knows the class {name}"
            return {"wrong": reason, "line": own_config.line_of(source, name)}
    return None


def loaded(base: type) -> set[type]:
    """All subclasses of a class that there are in this process."""
    return {base}.union(*(loaded(found) for found in base.__subclasses__()))


if __name__ == "__main__":
    print(json.dumps(wrong_in(sys.argv[1], SNIPPET)))
