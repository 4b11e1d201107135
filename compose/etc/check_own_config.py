"""Try an engineer's own configuration file in a throw-away container, before anything starts.

Reads /tmp/their_config.py, and for a hub /tmp/lab.json; the first argument says whose file it is,
`hub` or `server`. Prints JSON: {"overridden": […]}, {"broken": reason, "line": number}, or
{"wrong": reason, "line": number} for a value that a trait does not take.
"""

import json
import sys
from collections.abc import Container
from pathlib import Path
from typing import Any

sys.path.insert(0, "/opt/hublab")
import own_config
from check_settings import fault_of, hub_classes, server_classes, with_parents
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

TMP = Path("/tmp")
OWN = TMP / "their_config.py"


def overridden(whose: str) -> list[own_config.Override]:
    """What of the file does not hold. Raises own_config.Broken."""
    config = Config()
    if whose == "server":
        import own_server_config

        return own_server_config.lay_over(config, OWN)
    import base_config
    import own_hub_config

    for name in ("password", "admin_password"):  # made by init; here nobody signs in
        (TMP / name).write_text("")
    return own_hub_config.lay_over(config, OWN, base_config.lay(config, TMP))


def wrong_value(whose: str, path: Path, left_out: Container[str]) -> dict[str, Any] | None:
    """The first value of a file that its trait does not take; None: there is none.

    What the lab leaves out is not looked at, and what no class here has neither: the hub warns
    of it, as it does elsewhere.
    """
    theirs = own_config.load(path)
    known = with_parents(hub_classes(theirs) if whose == "hub" else server_classes())
    for class_name, traits in theirs.items():
        found = known[class_name].class_traits(config=True) if class_name in known else {}
        for name, value in traits.items() if isinstance(traits, Config) else ():
            # One that is only added to has no value before the trait's default is known.
            if (
                name not in found
                or f"{class_name}.{name}" in left_out
                or isinstance(value, LazyConfigValue)
            ):
                continue
            if reason := fault_of(class_name, name, found[name], value, written=False):
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
