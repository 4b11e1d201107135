"""Signing in by GSSAPI (Kerberos) with a user's own credentials.

They are named for each connection and never by the environment, which all users would share (LLNL's
spawner sets KRB5CCNAME in the hub's process, so that one user's ticket serves the next).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import AuthenticationRefused, Misconfigured


def connect_options(host: str, store: Mapping[str, str]) -> dict[str, Any]:
    """Arguments for ``asyncssh.connect``. Blocks, so call it in a thread.

    The ticket for the node is fetched here: asyncssh would wait for the KDC in the event loop, and
    would go on without a word where there are no credentials. The node's host key still has to be
    the known one, so the key exchange is not GSSAPI's. Nothing is delegated.
    """
    try:
        import gssapi
    except (ImportError, OSError) as error:
        raise Misconfigured(
            "SSHSpawner.ssh_gssapi needs the Python package gssapi: "
            "pip install jupyterhub-sshspawner[gssapi]"
        ) from error
    try:
        credentials = gssapi.Credentials(usage="initiate", store=dict(store))
        name = gssapi.Name(f"host@{host}", gssapi.NameType.hostbased_service)
        gssapi.SecurityContext(name=name, creds=credentials, usage="initiate").step()
    except gssapi.exceptions.GSSError as error:
        raise AuthenticationRefused(
            f"there is no valid Kerberos ticket for {host}: sign in again", f"{host}: {error}"
        ) from error
    return {
        "gss_host": host,
        "gss_store": dict(store),
        "gss_auth": True,
        "gss_kex": False,
        "gss_delegate_creds": False,
    }
