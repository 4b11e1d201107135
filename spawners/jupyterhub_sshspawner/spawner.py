"""``SSHSpawner``: what JupyterHub asks of a spawner, in terms of the other modules.

Source of the rules named below: JupyterHub 6.1.1, ``user.py`` (``User.spawn``, ``User.stop``),
``spawner.py`` (docstrings of ``Spawner``) and ``app.py`` (``init_spawners``).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import object_session

from . import payload, resolve, tokens
from .compat import spawn_failure
from .connections import shared_pool
from .errors import LaunchFailed, Misconfigured, SSHSpawnerError, Unreachable
from .hosts import Host
from .node import Node
from .orphans import Ledger, ledger_of
from .placement import Board, candidates, chosen_host
from .progress import Progress
from .protocol import Process, Reply
from .state import Instance, State, from_dict
from .trace import step
from .traits import SSHTraits, parse_port_range

_board = Board()


@dataclass(frozen=True)
class Place:
    """A host that has been chosen and that answers."""

    host: Host
    node: Node
    peer: str
    address: str


class SSHSpawner(SSHTraits):
    """Starts single-user servers on other machines over SSH."""

    def __init__(self, **kwargs: Any) -> None:
        self._state = State()
        self._progress = Progress()
        self._place: Place | None = None
        self._starting = False
        self._gone: int | None = None
        self._missed = 0
        self._poll_again = 0.0
        super().__init__(**kwargs)

    # ------------------------------------------------------------ state

    @property
    def _ledger(self) -> Ledger:
        return ledger_of(self.orm_spawner, self.log)

    @property
    def _seat(self) -> tuple[str, str]:
        return (self.user.name, self.name)

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore what the database has; no I/O here, orphans are reaped in the background."""
        super().load_state(state)
        self._state = from_dict(state)
        for orphan in self._state.orphans:
            self._ledger.add(orphan)
        if self._state.current:
            _board.sit(self._seat, self._state.current.host)
        self._reap_orphans()

    def get_state(self) -> dict[str, Any]:
        """What finds the server again. No secrets: ``token_id`` is a row number."""
        self._state.orphans = list(self._ledger.orphans)
        return {**super().get_state(), **self._state.to_dict()}

    def clear_state(self) -> None:
        """Forget the server. One that may still run becomes an orphan, which is not forgotten.

        JupyterHub calls this after each stop and before each start, and stores ``get_state()``
        after a stop.
        """
        super().clear_state()
        current, token = self._state.current, (self._state.token_id, self._state.token_check)
        if current and self._gone is None:
            self._ledger.add(current)
        self._state = State()
        self._place = None
        self._gone = None
        self._missed = 0
        self._poll_again = 0.0
        self._progress = Progress()
        _board.leave(self._seat)
        tokens.revoke(self.orm_spawner, *token, self.log)
        self._reap_orphans()

    def _save(self) -> None:
        """Commit the state at once: JupyterHub itself does so only after ``start`` returns."""
        session = object_session(self.orm_spawner)
        if session is not None:
            self.orm_spawner.state = self.get_state()
            session.commit()

    # ------------------------------------------------------------ start

    async def start(self) -> tuple[str, int]:
        """Start the server; returns the address for hub and proxy."""
        self._starting = True
        try:
            return await self._start()
        except SSHSpawnerError as error:
            await self._undo()
            raise self._failure(error) from error
        except BaseException:  # cancelled (start_timeout) or a bug: either way leave nothing
            await self._undo()
            raise
        finally:
            self._starting = False
            self._progress.end()

    async def _start(self) -> tuple[str, int]:
        began = time.monotonic()
        self._check_limits()
        if self.host_key_policy == "insecure":
            self.log.warning(
                "SSHSpawner.host_key_policy is insecure: %s's server can be impersonated",
                self._log_name,
            )
        place = await self._placed()
        instance = self._new_instance(place)
        with step(self.trace, "start.commit", instance=instance.instance):
            self._gone = None
            self._state.current = instance
            token_id, check = tokens.remember(self.orm_spawner, self.api_token)
            self._state.token_id, self._state.token_check = token_id, check
            self._save()
        patience = max(1.0, self.start_timeout - (time.monotonic() - began) - 3)
        request = self._start_request(place, instance, patience)
        self._progress.say(40, f"Starting the server on {place.host.name}")
        with step(self.trace, "start.launch", host=place.host.name):
            reply = await place.node.ask(
                "start", request, patience + self.command_timeout, self._on_event
            )
        process = self._running(reply, request)
        with step(self.trace, "start.confirm", pid=process.pid, port=process.port):
            self._state.current = instance.with_process(process)
            self._save()
        self._progress.say(80, f"The server listens on {place.address} port {process.port}")
        return place.address, process.port

    def _check_limits(self) -> None:
        if self.limit_backend == "none" and (self.mem_limit or self.cpu_limit):
            raise Misconfigured(
                "mem_limit and cpu_limit are set, but SSHSpawner does not enforce them: see "
                "SSHSpawner.limit_backend"
            )

    def _new_instance(self, place: Place) -> Instance:
        target = place.node.target
        jumps = place.host.jump_hosts
        return Instance(
            instance=secrets.token_hex(16),
            host=place.host.name,
            address=place.peer or target.address,
            ssh_port=target.port,
            host_key_alias=target.key_name,
            username=target.username,
            connect_address=place.address,
            run_dir=self.run_dir,
            transport=self.transport,
            jumps=tuple(self.jump_hosts if jumps is None else jumps),
        )

    def _start_request(self, place: Place, instance: Instance, patience: float) -> dict[str, Any]:
        env = payload.checked_environment({**self.get_env(), **place.host.environment})
        url, fixed = payload.service_url(env)
        fixed = fixed or self.port
        argv = [*(place.host.cmd or self.cmd), *self.get_args()]
        return {
            **self._about(instance),
            "env": env,
            "argv": payload.command(argv, self.shell_cmd, place.host.prologue or self.prologue),
            "cwd": "~",
            "files": [],
            "ip": self.ip,
            "ports": (fixed, fixed) if fixed else parse_port_range(self.port_range),
            "port_attempts": 5,
            "service_url": url,
            "hub": payload.hub_check(env, 5.0) if self.preflight_hub_check else None,
            "ready_timeout": patience,
        }

    def _about(self, instance: Instance) -> dict[str, Any]:
        return {
            "instance": instance.instance,
            "run_dir": instance.run_dir or self.run_dir,
            "known": instance.known,
        }

    def _on_event(self, event: dict[str, Any]) -> None:
        if event.get("event") == "started":
            with step(self.trace, "start.spawned"):
                self._progress.say(60, "The server process runs, waiting until it listens")

    def _running(self, reply: Reply, request: dict[str, Any]) -> Process:
        """The process of a reply that reports one; else the failure it reports."""
        if reply.state == "running" and reply.process and reply.listening:
            return reply.process
        self._gone = reply.returncode or 1
        hidden = payload.secrets_in(request["env"], self.api_token)
        message = _failure_message(reply)
        lines = payload.redact(reply.tail, hidden).splitlines()
        tail = "\n".join(lines[-self.log_tail_lines :]) if self.log_tail_lines else ""
        if tail:
            self._progress.say(90, f"{message}; its last words: {tail[-1000:]}")
        raise LaunchFailed(message, f"{message}\n{tail}" if tail else "")

    def _failure(self, error: SSHSpawnerError) -> Exception:
        self.log.error("Cannot start %s: %s", self._log_name, error.detail or error)
        self._progress.say(90, str(error))
        return spawn_failure(str(error), error.reason, error.status, error.detail or str(error))

    async def _undo(self) -> None:
        """After a failed start: leave no process. Unconfirmed, ``poll`` keeps saying None and
        JupyterHub calls ``stop`` (``User.stop`` does so only while poll is None)."""
        current = self._state.current
        if current is None or self._gone is not None:
            return
        task = asyncio.ensure_future(self._end(current, now=True))
        try:
            await asyncio.shield(task)
            self._gone = 1
        except SSHSpawnerError as error:
            self.log.warning(
                "Cannot clean up after %s's failed start yet: %s", self._log_name, error
            )

    # ------------------------------------------------------------ where

    async def _placed(self) -> Place:
        """The host for this start: chosen once, whoever asks first (certificates or start)."""
        if self._place is None:
            with step(self.trace, "start.place"):
                self._place = await self._choose()
        return self._place

    async def _choose(self) -> Place:
        hosts = await resolve.allowed_hosts(self)
        names, followers = await self._candidates(hosts)
        failure: SSHSpawnerError | None = None
        for host in names[: 1 + followers]:
            _board.sit(self._seat, host.name)
            self._progress.say(10, f"Connecting to {host.name}")
            try:
                return await self._connect(host)
            except Unreachable as error:
                _board.cool(host.name, self.host_cooldown)
                self._progress.say(10, str(error))
                self.log.warning("%s: %s", self._log_name, error.detail or error)
                failure = error
        _board.leave(self._seat)
        assert failure is not None
        raise failure

    async def _candidates(self, hosts: dict[str, Host]) -> tuple[list[Host], int]:
        """Hosts in the order to try them, and how many of them beyond the first."""
        limit = self.max_servers_per_host
        policy = self.host_policy
        if callable(policy):
            wanted = policy(self, list(hosts))
            if asyncio.iscoroutine(wanted):
                wanted = await wanted
            names = [wanted] if isinstance(wanted, str) else list(wanted)
            hosts = {name: hosts[name] for name in names if name in hosts}
            if not hosts:
                raise Misconfigured(f"SSHSpawner.host_policy chose {wanted!r}: no such host")
            policy = "first"
        chosen = chosen_host(self.user_options, hosts) if policy == "user-choice" else None
        found = candidates(hosts, policy, _board, self._seat, chosen, limit)
        return found, self.host_retry_limit

    async def _connect(self, host: Host) -> Place:
        username = await resolve.account(self, host)
        access = await resolve.access(self, username)
        target = resolve.target(self, host, username)
        node = Node(shared_pool(), target, access, resolve.limits(self), self.remote_python)
        with step(self.trace, "start.connect", host=host.name):
            peer = await node.address()
        self._progress.say(30, f"Connected to {host.name} as {username}")
        address = (host.connect_address or self.connect_address).format(host=host.name)
        return Place(host, node, peer, address or peer or host.ssh_address)

    async def _node_of(self, instance: Instance) -> Node:
        """The node an existing server is on."""
        access = await resolve.access(self, instance.username)
        target = resolve.target_again(self, instance)
        if self._place and self._place.host.name == instance.host:
            target = self._place.node.target  # the same connection, which is still there
        return Node(shared_pool(), target, access, resolve.limits(self), self.remote_python)

    # ------------------------------------------------------------ poll

    async def poll(self) -> int | None:
        """None while the server runs, starts, or cannot be asked; else its exit status.

        Never raises: at hub start an exception counts as "not running", and the server's row would
        be dropped (``check_spawner`` in app.py).
        """
        try:
            return await self._poll()
        except SSHSpawnerError as error:
            return self._unknown(error.detail or str(error))
        except Exception as error:
            self.log.exception("Cannot poll %s", self._log_name)
            return self._unknown(repr(error))

    async def _poll(self) -> int | None:
        current = self._state.current
        if self._starting:
            return None
        if current is None:
            return 0
        if self._gone is not None or time.monotonic() < self._poll_again:
            return self._gone
        reply = await self._ask_status(current, 0)
        self._missed, self._poll_again = 0, 0.0
        if reply.state in ("exited", "absent"):
            self._gone = reply.returncode
        elif reply.process and current is self._state.current:
            self._note(current, reply.process)
        return self._gone

    async def _ask_status(self, current: Instance, wait: float) -> Reply:
        node = await self._node_of(current)
        try:
            async with asyncio.timeout(self.poll_timeout + wait):
                return await node.ask(
                    "status", {**self._about(current), "wait": wait}, self.poll_timeout + wait
                )
        except TimeoutError as error:
            raise Unreachable(f"{current.host} did not answer in time") from error

    def _note(self, current: Instance, process: Process) -> None:
        """A start that the hub did not see the end of: what it came to."""
        if current.port == 0:
            self._state.current = current.with_process(process)
            self._save()

    def _unknown(self, why: str) -> int | None:
        """Unreachable is not dead (jupyterhub#3171): keep the server, ask less often."""
        self._missed += 1
        wait = min(self.poll_interval * 2 ** min(self._missed - 1, 4), 300)
        self._poll_again = time.monotonic() + wait * 0.9
        self.log.warning(
            "Cannot tell whether %s runs (%i times in a row): %s", self._log_name, self._missed, why
        )
        if self.unreachable_limit and self._missed >= self.unreachable_limit:
            self.log.error("Giving %s up as unreachable_limit says", self._log_name)
            return 1
        return None

    # ------------------------------------------------------------ stop

    async def stop(self, now: bool = False) -> None:
        """End the server and everything it started; returns when it is gone.

        Never raises: JupyterHub would swallow the exception unlogged and keep the token valid. A
        server whose node cannot be reached for ``stop_timeout`` is remembered as an orphan.
        """
        current = self._state.current
        if current is None:
            return
        until = time.monotonic() + self.stop_timeout
        while True:
            try:
                with step(self.trace, "stop", instance=current.instance):
                    self._gone = await self._end(current, now)
                return
            except SSHSpawnerError as error:
                self.log.warning("Cannot stop %s yet: %s", self._log_name, error.detail or error)
            except Exception:
                self.log.exception("Cannot stop %s", self._log_name)
            if time.monotonic() > until:
                break
            await asyncio.sleep(min(2.0, self.stop_timeout))
        self.log.error(
            "%s could not be stopped on %s; it is remembered as an orphan and will be ended as "
            "soon as the host answers", self._log_name, current.host,
        )  # fmt: skip
        self._ledger.add(current)
        self._state.current = None
        self._save()
        self._reap_orphans()

    async def _end(self, instance: Instance, now: bool) -> int:
        """One exec that escalates on the node; returns the exit status."""
        phases: list[tuple[str, int]] = [("KILL", self.kill_timeout)]
        if not now:
            phases = [("INT", self.interrupt_timeout), ("TERM", self.term_timeout), *phases]
        node = await self._node_of(instance)
        reply = await node.ask(
            "stop",
            {**self._about(instance), "phases": phases},
            sum(seconds for _, seconds in phases) + self.command_timeout,
        )
        if reply.state != "exited" or reply.left:
            raise Unreachable(f"{reply.left} processes on {instance.host} outlived SIGKILL")
        return reply.returncode

    def _reap_orphans(self) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return  # no event loop yet: at the next occasion
        self._ledger.work(self._reap)

    async def _reap(self, orphan: Instance) -> bool:
        await self._end(orphan, now=True)
        return True

    # ------------------------------------------------------------ the rest

    async def get_url(self) -> str:
        """The server's URL after a restart of the hub. Never raises: that would end the hub's
        start (``check_spawner`` calls it outside of any try)."""
        url = str(self.server.url)
        current = self._state.current
        try:
            if current and current.connect_address and not self.server.port:
                reply = await self._ask_status(current, 20.0)
                if reply.process:
                    self._note(current, reply.process)
                    host = current.connect_address
                    host = f"[{host}]" if ":" in host else host
                    proto = "https" if self.internal_ssl else "http"
                    url = f"{proto}://{host}:{reply.process.port}{self.server.base_url}"
        except Exception as error:
            self.log.warning("Cannot find the URL of %s: %s", self._log_name, error)
        return url

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What is happening, for the page that waits for the server."""
        async for event in self._progress.follow():
            yield event


def _failure_message(reply: Reply) -> str:
    if reply.kind == "exit":
        return f"the server ended with status {reply.returncode} before it listened"
    if reply.state == "failed":
        return reply.detail[:1000] or "the server did not start"
    return "the node did not confirm that the server listens"
