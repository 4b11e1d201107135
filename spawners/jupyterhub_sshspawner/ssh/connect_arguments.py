"""Which arguments of ``asyncssh.connect`` may be given in ``SSHSpawner.ssh_options``."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable

import asyncssh

from ..errors import Misconfigured

DECIDED_BY = {
    "host": "hosts",
    "port": "hosts",
    "host_key_alias": "hosts",
    "username": "ssh_username",
    "tunnel": "jump_hosts",
    "known_hosts": "known_hosts",
    "client_keys": "ssh_client_keys",
    "client_certs": "ssh_client_certs",
    "passphrase": "ssh_key_passphrase",
    "password": "ssh_password",
    "agent_path": "ssh_agent_path",
    "config": "ssh_config_files",
    "client_factory": "sign_in_timeout",
    "login_timeout": "sign_in_timeout",
    "connect_timeout": "connect_timeout",
    "keepalive_interval": "keepalive_interval",
    "keepalive_count_max": "keepalive_count_max",
    "gss_auth": "ssh_gssapi",
    "gss_kex": "ssh_gssapi",
    "gss_delegate_creds": "ssh_gss_delegate",
    "gss_host": "hosts",
    "gss_store": "ssh_gss_store",
}
"""Argument -> the trait that it would go behind: `known_hosts` of None would verify no host."""

KNOWN = {
    name
    for takes in (asyncssh.connect, asyncssh.SSHClientConnectionOptions.prepare)
    for name in inspect.signature(takes).parameters
} - {"self", "kwargs"}
"""Its own arguments, and those that it makes ``SSHClientConnectionOptions`` of."""


def check_connect_arguments(names: Iterable[str]) -> None:
    """Raise Misconfigured for the first of these arguments that cannot be given."""
    for name in names:
        if name in DECIDED_BY:
            right = f"SSHSpawner.{DECIDED_BY[name]} decides it"
            raise Misconfigured(f"SSHSpawner.ssh_options: {name!r} is not for it: {right}")
        if name not in KNOWN:
            near = difflib.get_close_matches(str(name), KNOWN)
            meant = f"; near ones are {', '.join(near)}" if near else ""
            raise Misconfigured(
                f"SSHSpawner.ssh_options: asyncssh.connect has no argument {name!r}{meant}"
            )
