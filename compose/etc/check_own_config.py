"""Try an engineer's own configuration file in a throw-away container, before anything starts.

Reads /tmp/their_config.py, and for a hub /tmp/lab.json; the first argument says whose file it is,
`hub` or `server`. Prints JSON: {"overridden": […]} or {"broken": reason, "line": number}.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, "/opt/hublab")
import own_config
from traitlets.config import Config

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


def main() -> None:
    try:
        answer: dict[str, object] = {"overridden": overridden(sys.argv[1])}
    except own_config.Broken as broken:
        answer = {"broken": str(broken), "line": broken.line}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
