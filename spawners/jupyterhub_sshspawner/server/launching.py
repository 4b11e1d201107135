"""The request for a start, made from the spawner's settings, and what its reply means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import LaunchFailed, Misconfigured
from ..exchange import payload
from ..exchange.protocol import Process, Reply
from ..places import Place
from ..state import Instance
from ..traits import SSHTraits, parse_port_range
from . import tunnels

PORT_ATTEMPTS = 5
HUB_CHECK_TIMEOUT = 5.0


def check_settings(spawner: SSHTraits) -> None:
    """Refuse what we would otherwise ignore, and warn of what is dangerous."""
    if spawner.limit_backend == "none" and (spawner.mem_limit or spawner.cpu_limit):
        raise Misconfigured(
            "mem_limit and cpu_limit are set, but SSHSpawner does not enforce them: see "
            "SSHSpawner.limit_backend"
        )
    if not spawner.run_dir:
        raise Misconfigured("SSHSpawner.run_dir is empty: it names a directory on the node")
    parse_port_range(spawner.port_range)
    if spawner.ssh_gss_delegate and not spawner.ssh_gssapi:
        raise Misconfigured("SSHSpawner.ssh_gss_delegate needs SSHSpawner.ssh_gssapi")
    if spawner.host_key_policy == "insecure":
        spawner.log.warning(
            "SSHSpawner.host_key_policy is insecure: whoever stands between hub and node can take "
            "the token of %s",
            spawner._log_name,
        )


def patience(start_timeout: float, spent: float) -> float:
    """Seconds that the node gives the server to listen.

    It gives up before the hub does, which has no words for it (jupyterhub#4003): a sixth of the
    time, at least 3 s and at most 10, is kept for a login on a busy node and its reply.
    """
    return max(1.0, start_timeout - spent - min(max(3.0, start_timeout / 6), 10.0))


def about(instance: Instance) -> dict[str, Any]:
    """What each request says about the instance it means."""
    return {
        "instance": instance.instance,
        "run_dir": instance.run_dir,
        "fallback": instance.run_dir_fallback,
        "known": instance.known,
    }


def start_request(
    spawner: SSHTraits,
    place: Place,
    instance: Instance,
    files: list[dict[str, str]],
    patience: float,
    owner: Mapping[str, str],
    spare: list[str],
) -> dict[str, Any]:
    """Everything the node needs to know."""
    env = payload.checked_environment({**spawner.get_env(), **place.host.environment})
    if instance.hub_port:
        env = tunnels.through(env, instance.hub_port)
    url, fixed = payload.service_url(env)
    fixed = fixed or spawner.port
    argv = [*(place.host.cmd or spawner.cmd), *spawner.get_args()]
    prologue = place.host.prologue or spawner.prologue
    return {
        **about(instance),
        "env": env,
        "argv": payload.command(argv, spawner.shell_cmd, prologue),
        "cwd": "~",
        "owner": owner,
        "spare": spare,
        "files": files,
        "ticket": place.node.access.gss_delegate,
        "ip": spawner.ip,
        "ports": (fixed, fixed) if fixed else parse_port_range(spawner.port_range),
        "port_attempts": PORT_ATTEMPTS,
        "service_url": url,
        "hub": payload.hub_check(env, HUB_CHECK_TIMEOUT) if spawner.preflight_hub_check else None,
        "reverse": {"port": instance.hub_port, "anywhere": spawner.allow_gateway_ports}
        if instance.hub_port
        else None,
        "ready_timeout": patience,
        "warm": warm_parent(spawner),
    }


def warm_parent(spawner: SSHTraits) -> dict[str, str] | None:
    """Where the node finds the process to fork the server from; None where there shall be none."""
    if spawner.warm_start == "off":
        return None
    return {"form": spawner.warm_start, "socket": spawner.warm_socket}


def hub_api_url(spawner: SSHTraits) -> str:
    """Where servers would look for the hub's API."""
    return str(spawner.get_env()["JUPYTERHUB_API_URL"])


def process_of(reply: Reply) -> Process:
    """The process that a start reports; else the failure it reports."""
    if reply.state == "running" and reply.process and reply.listening:
        return reply.process
    if reply.kind == "exit":
        words = f"the server ended with status {reply.returncode} before it listened"
        raise LaunchFailed(f"{words}: {reply.hint}" if reply.hint else words)
    if reply.state == "failed":
        raise LaunchFailed(reply.detail[:1000] or "the server did not start")
    raise LaunchFailed("the node did not confirm that the server listens")


def last_words(reply: Reply, request: dict[str, Any], token: str, lines: int) -> str:
    """The end of the server's log, without secrets."""
    keys = [item["content"] for item in request["files"]]
    hidden = payload.secrets_in(request["env"], token, *keys)
    tail = payload.redact(reply.tail, hidden).splitlines()
    return "\n".join(tail[-lines:]) if lines else ""
