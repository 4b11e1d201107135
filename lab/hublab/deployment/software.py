"""The versions of the software under test, as pinned in the lists of the images."""

from __future__ import annotations

import json
import re

from hublab.paths import ROOT

_IMAGES = ROOT / "compose" / "images"
PROXY = "configurable-http-proxy"
_SHOWN = ("jupyterhub", "jupyter_server", "jupyterlab", "tornado")


def versions() -> dict[str, str]:
    """Distribution -> version: JupyterHub, Jupyter Server, JupyterLab, tornado and the proxy."""
    lock = (_IMAGES / "requirements.txt").read_text()
    pinned = {
        re.sub(r"[-.]", "_", name.lower()): version
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", lock, flags=re.MULTILINE)
    }
    proxy = json.loads((_IMAGES / "package.json").read_text())["dependencies"][PROXY]
    return {name: pinned[name] for name in _SHOWN} | {PROXY: proxy}
