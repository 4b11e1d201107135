"""Try the user's own configuration file in a throw-away container, before anything starts.

Runs as the user of the hub, in its folder and with its environment. The arguments are the scope of
the file, `hub` or `server`, and its path. Reads /etc/hublab as on the hub's host, and
/tmp/environment.json, an object of variables. Prints JSON: {"overridden": […], "holds": […]},
{"broken": reason, "line": number}, or {"wrong": [{"why": reason, "line": number}, …]} for values
that their traits do not accept.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, "/opt/hublab")
import own_config
from accounting import near
from check_settings import loaded_names, server_classes, value_problem, with_parents
from own_config import override
from traitlets.config import Config, Configurable
from traitlets.config.loader import LazyConfigValue

ETC = Path("/etc/hublab")
TMP = Path("/tmp")
SECONDS = 30
"""How long a file may run."""


def try_hub(path: Path) -> dict[str, Any]:
    """Account for a hub's file. Raises own_config.Broken."""
    import accounting
    import base_config
    import own_hub_config

    config = Config()
    lab = base_config.apply(config, ETC)
    theirs = own_config.run(path, SECONDS)
    listed = own_hub_config.merge(config, theirs, lab)
    found, holds, wrong = accounting.Account(theirs, config).rest(listed)
    not_here = [*accounting.imports(theirs), *accounting.subconfigs(theirs)]
    if wrong:
        return {"wrong": sorted(theirs.place(wrong), key=lambda one: one["line"] or 0)}
    return {"overridden": theirs.place([*listed, *found, *not_here]), "holds": holds}


def try_server(path: Path) -> dict[str, Any]:
    """Check a server's file. Raises own_config.Broken."""
    import own_server_config

    theirs = own_config.run(path, SECONDS)
    listed = own_server_config.merge(Config(), theirs)
    done = {one["trait"] for one in listed}
    known = with_parents(server_classes())
    own = loaded_names(Configurable) | last_parts(theirs.config)
    wrong, holds = [], []
    for class_name, traits in theirs.config.items():
        found = known[class_name].class_traits(config=True) if class_name in known else {}
        for name, value in traits.items() if isinstance(traits, Config) else ():
            key = f"{class_name}.{name}"
            if key in done:
                continue
            if name not in found and (class_name in known or class_name not in own):
                why = f"no class of the servers here has this setting{near(key, keys_of(known))}"
                line = theirs.line(key)
                listed.append(override(key, value, None, why, kind="unknown", line=line))
            # A lazy value, such as of append(), is unknown until the trait's default is known.
            elif name not in found or isinstance(value, LazyConfigValue):
                holds.append(key)
            elif reason := value_problem(class_name, name, found[name], value, as_text=False):
                wrong.append({"why": reason, "line": theirs.line(key)})
            else:
                holds.append(key)
    return {"wrong": wrong} if wrong else {"overridden": listed, "holds": holds}


def last_parts(config: Config) -> set[str]:
    """The names of classes that a file chooses by their import paths, and that are not loaded."""
    sections = [traits for traits in config.values() if isinstance(traits, Config)]
    values = [value for traits in sections for value in traits.values()]
    return {value.rpartition(".")[2] for value in values if isinstance(value, str)}


def keys_of(classes: dict[str, type[Configurable]]) -> list[str]:
    """All settings of some classes."""
    return [f"{name}.{trait}" for name in classes for trait in classes[name].class_traits()]


def main() -> None:
    given = TMP / "environment.json"
    if given.exists():
        os.environ.update(json.loads(given.read_text()))
        # The interpreter has read this one already.
        sys.path[1:1] = [one for one in os.environ.get("PYTHONPATH", "").split(":") if one]
    attempt = try_hub if sys.argv[1] == "hub" else try_server
    try:
        answer = attempt(Path(sys.argv[2]))
    except own_config.Broken as broken:
        answer = {"broken": str(broken), "line": broken.line, "file": broken.file}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
