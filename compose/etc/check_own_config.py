"""Try the user's own configuration file in a throw-away container, before anything starts.

Reads /tmp/their_config.py, and for a hub /tmp/lab.json. The first argument is the scope of the
file, `hub` or `server`. Prints JSON: {"overridden": […]}, {"broken": reason, "line": number}, or
{"wrong": reason, "line": number} for a value that its trait does not accept.
"""

import json
import sys
from collections.abc import Container
from pathlib import Path
from typing import Any

sys.path.insert(0, "/opt/hublab")
import own_config
from check_settings import hub_classes, server_classes, value_problem, with_parents
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

TMP = Path("/tmp")
OWN = TMP / "their_config.py"


def overridden(scope: str) -> list[own_config.Override]:
    """The values of the file that the lab replaces. Raises own_config.Broken."""
    config = Config()
    if scope == "server":
        import own_server_config

        return own_server_config.apply(config, OWN)
    import base_config
    import own_hub_config

    for name in ("password", "admin_password"):  # init makes them; no user signs in here
        (TMP / name).write_text("")
    return own_hub_config.apply(config, OWN, base_config.apply(config, TMP))


def wrong_value(scope: str, path: Path, left_out: Container[str]) -> dict[str, Any] | None:
    """The first value of a file that its trait does not accept; None if there is none.

    Values that the lab replaces are not checked. Nor are traits that no class here has: the hub
    warns of them when it starts, as in any deployment.
    """
    theirs = own_config.load(path)
    known = with_parents(hub_classes(theirs) if scope == "hub" else server_classes())
    for class_name, traits in theirs.items():
        found = known[class_name].class_traits(config=True) if class_name in known else {}
        for name, value in traits.items() if isinstance(traits, Config) else ():
            # A lazy value, such as of append(), is unknown until the trait's default is known.
            if (
                name not in found
                or f"{class_name}.{name}" in left_out
                or isinstance(value, LazyConfigValue)
            ):
                continue
            if reason := value_problem(class_name, name, found[name], value, as_text=False):
                line = own_config.line_of(path.read_text(), class_name, name)
                return {"wrong": reason, "line": line}
    return None


def main() -> None:
    try:
        found = overridden(sys.argv[1])
        wrong = wrong_value(sys.argv[1], OWN, {one["trait"] for one in found})
        answer: dict[str, object] = wrong or {"overridden": found}
    except own_config.Broken as broken:
        answer = {"broken": str(broken), "line": broken.line}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
