"""From a spawner's traits to plain values: which hosts, which account, which keys."""

from __future__ import annotations

import asyncio
from inspect import isawaitable
from typing import Any

from .choice.hosts import Host, parse_hosts
from .errors import AuthenticationRefused, Misconfigured, NoTicket, SSHSpawnerError
from .ssh import kerberos
from .ssh.connect_arguments import check_connect_arguments
from .ssh.dialing import Limits, Target
from .ssh.hops import parse_hop
from .ssh.ssh_config import proxy_jump
from .ssh.trust import Access
from .ssh.user_certificates import from_auth_state, is_text
from .state import Instance
from .traits import SSHTraits, fill


async def value_of(spawner: SSHTraits, setting: Any) -> Any:
    """A setting's value; callables take the spawner and may be async."""
    if callable(setting):
        setting = setting(spawner)
        if isawaitable(setting):
            setting = await setting
    return setting


async def allowed_hosts(spawner: SSHTraits) -> dict[str, Host]:
    """The hosts this user may use."""
    try:
        entries = await value_of(spawner, spawner.hosts)
    except SSHSpawnerError:  # of a profile, which says what is wrong
        raise
    except Exception as error:  # of the administrator's callable, which can raise anything
        spawner.log.exception("SSHSpawner.hosts failed")
        raise Misconfigured("SSHSpawner.hosts failed; see the hub's log", repr(error)) from error
    if not isinstance(entries, list | tuple):
        raise Misconfigured("SSHSpawner.hosts must be, or return, a list")
    return parse_hosts(entries)


def filled(setting: str, template: str, **names: str) -> str:
    """A template of the configuration filled in; one that cannot be is named."""
    try:
        return template.format(**names)
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        known = ", ".join(f"{{{name}}}" for name in names)
        raise Misconfigured(
            f"SSHSpawner.{setting}: {template!r} is no template; known is {known}", repr(error)
        ) from error


async def account(spawner: SSHTraits, host: Host) -> str:
    """The user's account on the host, one for start, poll and stop alike ."""
    setting = host.username or spawner.ssh_username
    name = await value_of(spawner, setting)
    if not isinstance(name, str):
        raise Misconfigured("SSHSpawner.ssh_username must be, or return, a string")
    if isinstance(setting, str):  # what a callable returns is the name itself
        where = "hosts: username" if host.username else "ssh_username"
        name = filled(where, setting, username=spawner.user.name)
    if not name or len(name) > 255 or any(ord(char) < 32 or ord(char) == 127 for char in name):
        raise Misconfigured(f"{name!r} is no possible account name")
    return name


async def access(spawner: SSHTraits, username: str) -> Access:
    """How to sign in to the account, and whose host keys to believe."""
    check_connect_arguments(spawner.ssh_options)
    names = {"username": spawner.user.name, "ssh_username": username}
    keys = await value_of(spawner, spawner.ssh_client_keys)
    certs = _as_tuple(await value_of(spawner, spawner.ssh_client_certs))
    if not all(isinstance(cert, str) for cert in certs):
        raise Misconfigured("SSHSpawner.ssh_client_certs must be, or return, a list of texts")
    known = await value_of(spawner, spawner.known_hosts)
    insecure = spawner.host_key_policy == "insecure"
    try:
        store = await _gss_store(spawner, names)
        return Access(
            known_hosts=() if insecure else _as_tuple(known),
            host_ca_keys=tuple(spawner.host_ca_keys),
            insecure=insecure,
            keys=tuple(fill(key, **names) for key in keys),
            certs=tuple(fill(cert, **names) for cert in certs if not is_text(cert)),
            cert_texts=(*filter(is_text, certs), *await from_auth_state(spawner)),
            agent_path=fill(spawner.ssh_agent_path, **names) if spawner.ssh_agent_path else None,
            gss_store=store,
            gss_delegate=bool(store) and spawner.ssh_gss_delegate,
            gss_seen=await asyncio.to_thread(kerberos.look, dict(store)),
            config_files=tuple(spawner.ssh_config_files),
            options=dict(spawner.ssh_options),
            passphrase=await value_of(spawner, spawner.ssh_key_passphrase),
            password=await _password(spawner),
        )
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        raise Misconfigured(f"SSHSpawner: key paths for {spawner.user.name!r}: {error}") from error


def remote_path(spawner: SSHTraits, trait: str, username: str) -> str:
    """A path on the node from a template; ``~`` is left to the node."""
    template = str(getattr(spawner, trait))
    names = {"username": spawner.user.name, "ssh_username": username}
    for key, name in names.items():
        if f"{{{key}" in template and not _is_part(name):
            if trait == "run_dir_fallback":
                return ""  # there is none for such an account
            raise Misconfigured(f"SSHSpawner.{trait}: {name!r} cannot be part of a path")
    return filled(trait, template, **names)


def _is_part(name: str) -> bool:
    return name not in ("", ".", "..") and not any(bad in name for bad in "/\0")


def _as_tuple(value: str | list[str] | None) -> tuple[str, ...]:
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


async def _password(spawner: SSHTraits) -> str | None:
    if spawner.ssh_password is not None:
        password = await value_of(spawner, spawner.ssh_password)
        return str(password) if password else None
    key = spawner.ssh_password_auth_state_key
    if not key:
        return None
    auth_state = await spawner.user.get_auth_state()
    password = (auth_state or {}).get(key)
    if not isinstance(password, str) or not password:
        raise AuthenticationRefused(
            "no password for the node is known: sign in again",
            f"auth_state of {spawner.user.name} has no {key!r}",
        )
    return password


async def _gss_store(spawner: SSHTraits, names: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The user's Kerberos credentials; empty without GSSAPI."""
    if not spawner.ssh_gssapi:
        return ()
    store = await value_of(spawner, spawner.ssh_gss_store)
    if not store and callable(spawner.ssh_gss_store):
        raise NoTicket("no Kerberos ticket of yours is known: sign in again")
    if isinstance(store, str) and store:
        store = {"ccache": store}
    if not store or not isinstance(store, dict):
        raise Misconfigured("SSHSpawner.ssh_gss_store must name the user's own credentials")
    return tuple(sorted((str(key), fill(str(value), **names)) for key, value in store.items()))


async def target(spawner: SSHTraits, host: Host, username: str) -> Target:
    """Where to connect for a new server."""
    if host.jump_hosts is None and not spawner.jump_hosts and spawner.ssh_config_files:
        jumps = await proxy_jump(spawner.ssh_config_files, host.ssh_address, username)
    else:
        written = spawner.jump_hosts if host.jump_hosts is None else host.jump_hosts
        jumps = tuple(parse_hop(jump) for jump in written)
    return Target(
        owner=spawner.user.name,
        host=host.name,
        address=host.ssh_address,
        port=host.port,
        username=username,
        key_name=host.key_name,
        jumps=jumps,
        gss_host=host.gss_host,
    )


def target_again(spawner: SSHTraits, instance: Instance) -> Target:
    """Where to connect for a server that exists: the very node it was started on.

    A name with several addresses could mean another node by now (sshspawner#18), so the verified
    address is used, under the name that known_hosts has.
    """
    return Target(
        owner=spawner.user.name,
        host=instance.host,
        address=instance.address or instance.host,
        port=instance.ssh_port,
        username=instance.username,
        key_name=instance.host_key_alias or instance.host,
        jumps=tuple(parse_hop(jump) for jump in instance.jumps),
        gss_host=instance.gss_host,
    )


def limits(spawner: SSHTraits) -> Limits:
    """Patience and greed, from the traits."""
    return Limits(
        connect_timeout=spawner.connect_timeout,
        sign_in_timeout=spawner.sign_in_timeout,
        keepalive_interval=spawner.keepalive_interval,
        keepalive_count_max=spawner.keepalive_count_max,
        sessions=spawner.max_sessions_per_connection,
        connects=spawner.max_connects_per_host,
        idle=spawner.connection_idle_timeout,
    )
