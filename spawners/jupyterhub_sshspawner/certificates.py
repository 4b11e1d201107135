"""``internal_ssl``: certificates for a host that was chosen first, carried in the request.

JupyterHub makes certificates before it calls ``start`` (``User.spawn``), names their files by user
and not by server, and so two servers of one user overwrite each other's: the contents are read
before anything else can run, and the node gets contents, not paths.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

VARIABLES = {
    "keyfile": "JUPYTERHUB_SSL_KEYFILE",
    "certfile": "JUPYTERHUB_SSL_CERTFILE",
    "cafile": "JUPYTERHUB_SSL_CLIENT_CA",
}


def alt_names(names: Iterable[str]) -> list[str]:
    """Subject alternative names for the names and addresses that hub and proxy may use."""
    found = []
    for name in names:
        try:
            found.append(f"IP:{ipaddress.ip_address(name)}")
        except ValueError:
            if name:
                found.append(f"DNS:{name}")
    return list(dict.fromkeys(found))


def read(paths: Mapping[str, str]) -> list[dict[str, str]]:
    """The files as the launcher takes them: a name, the variable that points to it, contents."""
    files = []
    for kind, variable in VARIABLES.items():
        with open(paths[kind], encoding="ascii") as source:
            files.append({"name": f"ssl.{kind}", "env": variable, "content": source.read()})
    return files
