"""Whom we believe to be a node, and how we prove who we are.

Strict by default: a host key that known_hosts does not name ends the attempt. Nothing is taken
from the hub user's own ``~/.ssh`` (keys, agent, known_hosts, config) unless it is configured.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from ..errors import Misconfigured
from . import kerberos, user_certificates


@dataclass(frozen=True)
class Access:
    """How to get in. ``repr`` shows no secrets; ``identity`` tells two ways apart."""

    known_hosts: tuple[str, ...] = ()
    host_ca_keys: tuple[str, ...] = ()
    insecure: bool = False
    keys: tuple[str, ...] = ()
    certs: tuple[str, ...] = ()
    agent_path: str | None = None
    gss_store: tuple[tuple[str, str], ...] = ()
    gss_delegate: bool = False
    gss_seen: kerberos.Seen = field(default_factory=kerberos.Seen)
    config_files: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    cert_texts: tuple[str, ...] = field(default=(), repr=False)

    @property
    def identity(self) -> tuple[object, ...]:
        """Part of a connection's key in the pool."""
        return (self.known_hosts, self.host_ca_keys, self.insecure, self.keys, self.certs,
                bool(self.cert_texts), self.agent_path, self.gss_store, self.gss_delegate,
                self.password is not None)  # fmt: skip

    def check_ticket(self) -> None:
        """Raise NoTicket if there is none that could be delegated, as far as it can be seen."""
        kerberos.check(self.gss_seen, dict(self.gss_store), delegate=True)

    async def gss(self, host: str, seconds: float, delegate: bool) -> kerberos.SignIn | None:
        """What signs in by GSSAPI to a host of this name; None if nothing is to.

        ``delegate`` is whether this host may have a ticket, if any.
        """
        if not self.gss_store:
            return None
        delegate = delegate and self.gss_delegate
        return await kerberos.sign_in(host, dict(self.gss_store), self.gss_seen, delegate, seconds)

    @asynccontextmanager
    async def connect_options(self) -> AsyncIterator[dict[str, Any]]:
        """Arguments for ``asyncssh.connect``, good inside the context.

        Files are read and keys decrypted in a thread. The agent's keys are fetched here, because
        asyncssh uses an agent only beside keys from ``~/.ssh``.
        """
        async with AsyncExitStack() as stack:
            keys = await asyncio.to_thread(self._keys)
            if self.agent_path:
                agent = await _agent(self.agent_path)
                stack.callback(agent.close)
                keys += await agent.get_keys()
            await asyncio.to_thread(check_config_files, self.config_files)
            yield {
                "client_keys": keys or None,
                "known_hosts": await asyncio.to_thread(self._known_hosts),
                "password": self.password,
                "agent_path": None,
                "agent_forwarding": False,
                "config": list(self.config_files) or None,
                "gss_host": None,
                **self.options,
            }

    def _keys(self) -> list[asyncssh.SSHKeyPair]:
        """What to offer: a certificate that came as text is meant, so it goes first."""
        keys = list(load_keys(self.keys, self.certs, self.passphrase))
        if not self.cert_texts:
            return keys
        plain = load_keys(self.keys, (), self.passphrase)
        return [*user_certificates.certified(self.cert_texts, plain), *keys]

    def _known_hosts(self) -> Callable[..., Any] | None:
        """Matches by name alone.

        asyncssh also accepts a key that is listed for the address a name leads to. Whoever holds
        one node and the name service could then pass for another node.
        """
        if self.insecure:
            return None
        known = read_known_hosts(self.known_hosts, self.host_ca_keys)
        return lambda host, _addr, port: known.match(host, "", port)


async def _agent(path: str) -> asyncssh.SSHAgentClient:
    try:
        return await asyncssh.connect_agent(path)
    except OSError as error:
        raise Misconfigured(
            f"SSHSpawner.ssh_agent_path: no agent at {path}: {error.strerror}"
        ) from error


def read_known_hosts(paths: Sequence[str], ca_keys: Sequence[str]) -> asyncssh.SSHKnownHosts:
    """Read known_hosts afresh, so that an edited file needs no restart of the hub."""
    if not paths and not ca_keys:
        raise Misconfigured(
            "SSHSpawner.known_hosts is not set: it names the file with the nodes' host keys"
        )
    lines = [f"@cert-authority * {_file_or_text(key)}" for key in ca_keys]
    lines += [_read("known_hosts", os.path.expanduser(path)) for path in paths]
    try:
        return asyncssh.import_known_hosts("\n".join(lines))
    except ValueError as error:
        raise Misconfigured(f"SSHSpawner.known_hosts: {error}") from error


def _file_or_text(key: str) -> str:
    if key.lstrip().startswith(("ssh-", "ecdsa-", "sk-")):
        return key.strip()
    return _read("host_ca_keys", os.path.expanduser(key)).partition("\n")[0].strip()


def _read(trait: str, path: str, encoding: str | None = "utf-8") -> str:
    """A file that a trait names; both are in the error when it cannot be read or is no text."""
    try:
        with open(path, encoding=encoding) as source:
            return source.read()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Misconfigured(f"SSHSpawner.{trait}: cannot read {path}: {why}") from error


def check_config_files(paths: Sequence[str]) -> None:
    """Name the first that cannot be read: asyncssh's own error could be one of the network."""
    for path in paths:
        _read("ssh_config_files", path, encoding=None)  # path and encoding as asyncssh has them


def load_keys(
    keys: Sequence[str], certs: Sequence[str], passphrase: str | None
) -> Sequence[asyncssh.SSHKeyPair]:
    """Read private keys; a missing or unreadable one is named (sshspawner#40, asyncssh#214)."""
    if not keys:
        return []
    paths = [os.path.expanduser(path) for path in keys]
    try:
        return asyncssh.load_keypairs(paths, passphrase, [os.path.expanduser(c) for c in certs])
    except OSError as error:
        raise Misconfigured(
            f"SSHSpawner.ssh_client_keys: cannot read {error.filename}: {error.strerror}"
        ) from error
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise Misconfigured(
            f"SSHSpawner.ssh_client_keys: cannot use {', '.join(keys)}: {error}"
        ) from error
