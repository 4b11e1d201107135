"""``SSHSpawner``: what JupyterHub asks of a spawner, in terms of the other modules.

Source of the rules named below: JupyterHub 6.1.1, ``user.py`` (``User.spawn``, ``User.stop``),
``spawner.py`` (docstrings of ``Spawner``) and ``app.py`` (``init_spawners``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from functools import cached_property
from textwrap import indent
from typing import Any

from sqlalchemy.orm import object_session
from traitlets import default

from . import certificates, handlers, places, tokens
from .choice import options, overrides
from .compat import spawn_failure
from .errors import Hangs, LaunchFailed, SilentShell, SSHSpawnerError
from .exchange.node import Node
from .exchange.protocol import Process, Reply, told
from .lost import ownership
from .lost.orphans import Ledger, ledger_of, wake_others
from .progress import Progress
from .server import ending, launching, prewarming, server_log
from .server.listen_address import settle_ip
from .server.polling import Doubt, ask_status
from .server.ways import Ways
from .state import Instance, State, from_dict
from .trace import step
from .traits import SSHTraits

handlers.register()

MOST_EVENTS = 20  # different ones of a start
ADOPTION_WAIT = 20.0  # seconds for a start, whose hub died, to come to its end


class SSHSpawner(SSHTraits):
    """Starts single-user servers on other machines over SSH."""

    ssl_alt_names: Any  # JupyterHub's own trait, which has no annotation

    def __init__(self, **kwargs: Any) -> None:
        self._starting = False
        self._ways = Ways(self, self._node_of)
        self._reset()
        super().__init__(**kwargs)

    def _reset(self) -> None:
        """Nothing runs, nothing is chosen."""
        self._state = State()
        self._progress = Progress()
        self._place: places.Place | None = None
        self._files: list[dict[str, str]] = []
        self._gone: int | None = None  # exit status, once the node has confirmed the end
        self._asked = False  # the node may have got the request to start
        self._heard: set[tuple[str, str]] = set()  # of the launcher's events
        self._called_off = False  # the start was: nobody has work in the server
        self._doubt = Doubt()
        self._ways.close()

    # ------------------------------------------------------------ state

    @cached_property  # it is kept by those who use it
    def _ledger(self) -> Ledger:
        return ledger_of(self.orm_spawner, self.log)

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore what the database has; no I/O here, orphans are reaped in the background."""
        super().load_state(state)
        self._state = from_dict(state)
        for orphan in self._state.orphans:
            self._ledger.add(orphan)
        if self._state.current:
            places.board.sit(places.seat(self), self._state.current.host)
        self._reap_orphans()
        wake_others(self.user, self.orm_spawner)

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
        overrides.undo(self)
        old = self._state
        if old.current and self._gone is None:
            self._ledger.add(old.current)
        self._reset()
        places.board.leave(places.seat(self))
        if not self.will_resume:  # else JupyterHub keeps it for the next start
            tokens.revoke(self.orm_spawner, old.token_id, old.token_check, self.log)
        self._reap_orphans()

    def _save(self) -> None:
        """Commit the state at once: JupyterHub itself does so only after ``start`` returns."""
        session = object_session(self.orm_spawner)
        if session is not None:
            self.orm_spawner.state = self.get_state()
            session.commit()

    # ------------------------------------------------------------ start

    async def start(self) -> tuple[str, int]:
        """Start the server; returns the address for hub and proxy.

        A start that is called off fails: ``User.spawn`` stops the server after any ``Exception``,
        but not after ``CancelledError``, and a server in limbo counted as ready, with port 0.
        Until it is stopped the start is pending, however long that takes, so nothing is undone
        here. (Python 3.11's ``wait_for`` drops what we raise; there ``CancelledError`` ends the
        spawn at once, and the request that called it off stops the server a second later.)
        """
        self._starting = True
        began = time.monotonic()
        try:
            return await self._start_or_undo()
        except asyncio.CancelledError:
            self._called_off = True
            if self._state.current and not self._asked:
                self._gone = 1  # the node never got the request
            # wait_for's clock began before ours; it is a matter of words only
            if time.monotonic() - began > self.start_timeout - 0.5:
                words = f"not started within {self.start_timeout} s (SSHSpawner.start_timeout)"
                raise TimeoutError(f"{words}; last step: {self._progress.last}") from None
            raise self._failure(LaunchFailed("the start was called off")) from None
        finally:
            overrides.undo(self, "hosts")  # who sweeps nodes wants all of them
            self._starting = False
            self._progress.end()

    async def _start_or_undo(self) -> tuple[str, int]:
        try:
            return await self._start()
        except SSHSpawnerError as error:
            if error.never_ran:
                self._gone = 1
            if not isinstance(error, SilentShell | Hangs):  # it would hang again; stop tries
                await self._undo()
            raise self._failure(error) from error
        except Exception:  # a bug, or a setting that is a callable: leave nothing either
            await self._undo()
            raise

    async def _start(self) -> tuple[str, int]:
        began = time.monotonic()
        launching.check_settings(self)
        place = await self._placed()
        await settle_ip(self, place.address)
        instance = await self._prepared(place)
        patience = launching.patience(self.start_timeout, time.monotonic() - began)
        request = launching.start_request(
            self, place, instance, self._files, patience,
            ownership.owner_of(self).asdict(), ownership.known_in(self, instance.username),
        )  # fmt: skip
        self._progress.say(40, f"Starting the server on {place.host.name}")
        with step(self.trace, "start.launch", host=place.host.name):
            reply = await place.node.ask("start", request, patience + ending.ANSWER, self._on_event)
        process = self._process_of(reply, request)
        with step(self.trace, "start.confirm", pid=process.pid, port=process.port):
            instance = instance.with_process(process)
            self._state.current = instance
            if self.transport == "tunnel":
                self._state.current = instance = await self._ways.open_local(instance)
            self._save()
            await self._ways.check_local()
        port = instance.local_port or process.port
        self._progress.say(80, f"The server listens on {place.host.name} port {process.port}")
        return place.address, port

    async def _placed(self) -> places.Place:
        """The host for this start: chosen once, whoever asks first (certificates or start)."""
        if self._place is None:
            with step(self.trace, "start.place"):
                self._place = await places.find(self, self._progress.say)
        return self._place

    async def _prepared(self, place: places.Place) -> Instance:
        """The instance, in the database before anything of it is on the node."""
        instance = place.new_instance(self)
        if self.reverse_tunnel:
            with step(self.trace, "start.reverse_tunnel"):
                instance = await self._ways.open_reverse(instance)
        with step(self.trace, "start.commit", instance=instance.instance):
            self._gone = None
            self._state.current = instance
            self._state.token_id, self._state.token_check = tokens.remember(
                self.orm_spawner, self.api_token
            )
            self._save()
        return instance

    def _on_event(self, event: dict[str, Any]) -> None:
        """Tell what the launcher tells, each thing once: the account may send what it likes."""
        self._asked = True
        key = (str(event.get("event")), str(event.get("instance")))
        if key in self._heard or len(self._heard) >= MOST_EVENTS:
            return
        self._heard.add(key)
        if event.get("event") == "ended":
            self.log.warning(
                "A server of %s that the hub's database did not know ran on %s; it was ended (%s)",
                self._log_name, self._place and self._place.host.name, told(event, "instance"),
            )  # fmt: skip
        elif event.get("event") == "elsewhere":
            words = f"{told(event, 'why')}; {told(event, 'what')} is used instead"
            self._progress.say(50, words)
            self.log.warning("%s: %s", self._log_name, words)
        elif event.get("event") == "cold":
            self.log.info("%s starts cold: %s", self._log_name, told(event, "why"))
        elif event.get("event") == "warm":
            self.log.debug("%s is forked from a warm parent", self._log_name)
        elif event.get("event") == "started":
            with step(self.trace, "start.spawned"):
                self._progress.say(60, "The server process runs; waiting until it listens")
        elif event.get("event") == "exposed" and self._state.current:
            self.log.warning(
                "The reverse tunnel of %s stands open on every address of %s (its sshd has "
                "GatewayPorts yes), which SSHSpawner.allow_gateway_ports allows",
                self._log_name,
                self._state.current.host,
            )

    def _process_of(self, reply: Reply, request: dict[str, Any]) -> Process:
        try:
            return launching.process_of(reply)
        except LaunchFailed as error:
            if reply.state == "failed" and reply.kind not in ("launcher", "other-node"):
                self._gone = reply.returncode or 1  # the launcher has seen to it
            words = launching.last_words(reply, request, self.api_token, self.log_tail_lines)
            # set off, so that nobody takes a line of it for one of the hub's own
            error.detail = f"{error}\n{indent(words, '  | ')}" if words else ""
            if words:
                self._progress.say(90, f"Its last words: {words[-1000:]}")
            raise

    def _failure(self, error: SSHSpawnerError) -> Exception:
        self.log.error("Cannot start %s: %s", self._log_name, error.detail or error)
        self._progress.say(90, str(error))
        return spawn_failure(str(error), error.reason, error.status, error.detail or str(error))

    async def _undo(self) -> None:
        """After a failed start: leave no process. Raises nothing, so that the start's error stays.

        Unconfirmed, also when it is cancelled, ``poll`` goes on saying None, so that JupyterHub
        calls ``stop`` (``User.stop`` does so only while poll is None).
        """
        current = self._state.current
        if current is None or self._gone is not None:
            return
        try:
            await ending.end(self, await self._node_of(current), current, now=True)
            self._gone = 1
        except SSHSpawnerError as error:
            self.log.warning("Cannot clean up after %s's start yet: %s", self._log_name, error)
        except Exception:  # a setting may be a callable, which can raise anything
            self.log.exception("Cannot clean up after %s's start yet", self._log_name)

    # ------------------------------------------------------------ poll

    async def poll(self) -> int | None:
        """None while the server runs, starts, or cannot be asked; else its exit status.

        Never raises: at hub start an exception counts as "not running", and the server's row would
        be dropped (``check_spawner`` in app.py).
        """
        meant = self._state.current
        try:
            return await self._poll()
        except SSHSpawnerError as error:
            why = error.detail or str(error)
        except Exception as error:
            self.log.exception("Cannot poll %s", self._log_name)
            why = repr(error)
        return self._doubt.another(self, why) if self._state.current is meant else None

    async def _poll(self) -> int | None:
        current = self._state.current
        if self._starting:
            return None
        if current is None:
            return 0
        if self._gone is not None or self._doubt.too_early:
            return self._gone
        if self.pending == "stop":
            return None  # ``User.stop`` asks first, and then stops, which finds out as well
        with step(self.trace, "poll"):
            reply = await ask_status(self, self._node_of, current)
        if self._state.current is not current:
            return None  # a late answer, about a server that is not meant any more
        self._doubt.clear()
        if reply.state in ("exited", "absent"):
            self._gone = reply.returncode
            return self._gone
        try:
            await self._resume(current, reply)
        except Exception as error:  # the server runs: the next poll tries again
            why = getattr(error, "detail", "") or error
            self.log.warning("Cannot open a tunnel of %s again yet: %s", self._log_name, why)
        return self._gone

    async def _resume(self, current: Instance, reply: Reply) -> None:
        """After a restart of the hub: open tunnels again, note how an interrupted start ended."""
        if reply.process and not current.port:
            current = current.with_process(reply.process)
            self._state.current = current
            self._save()
        try:
            if current.port and self._ways.lacks_local(current):
                self._state.current = current = await self._ways.open_local(current)
        finally:  # one that cannot be opened is no reason to leave the other closed
            if self._ways.lacks_reverse(current):
                await self._ways.open_reverse(current)

    # ------------------------------------------------------------ warm start

    async def prewarm(self) -> list[str]:
        """Start what `warm_start = "user"` forks servers from, before anybody asks for one.

        Returns the hosts that have it now. It is done again for nothing, so may be called at every
        sign-in: see ``prewarm_after_sign_in``.
        """
        return await prewarming.prewarm(self)

    # ------------------------------------------------------------ stop

    async def stop(self, now: bool = False) -> None:
        """End the server and everything it started; returns when it is gone.

        Never raises: JupyterHub would swallow the exception unlogged and keep the token valid. A
        server whose node cannot be reached for ``stop_timeout`` is remembered as an orphan.
        """
        current = self._state.current
        if current is None:
            return
        with step(self.trace, "stop", instance=current.instance):
            self._gone = await ending.insist(self, self._node_of, current, now or self._called_off)
        self._ways.close()
        if self._gone is None:
            self.log.error(
                "%s could not be stopped on %s; it is remembered as an orphan and will be ended "
                "as soon as the host answers",
                self._log_name,
                current.host,
            )
            self._ledger.add(current)
            self._state.current = None
            self._save()
            self._reap_orphans()

    def _reap_orphans(self) -> None:
        self._ledger.work(self._reap)

    async def _reap(self, orphan: Instance) -> bool:
        await ending.end(self, await self._node_of(orphan), orphan, now=True)
        return True

    # ------------------------------------------------------------ where it is

    async def _node_of(self, instance: Instance) -> Node:
        return await places.again(self, instance, self._place)

    async def get_url(self) -> str:
        """The server's URL after a restart of the hub, which may have missed the end of the start.

        Never raises: that would end the hub's start (``check_spawner`` calls it outside any try).
        """
        url = str(self.server.url)
        try:
            return await self._current_url() or url
        except Exception as error:
            self.log.warning("Cannot find the URL of %s: %s", self._log_name, error)
            return url

    async def _current_url(self) -> str:
        current = self._state.current
        if current and not current.port:
            reply = await ask_status(self, self._node_of, current, ADOPTION_WAIT)
            await self._resume(current, reply)
        elif current and self._ways.lacks_local(current):
            self._state.current = await self._ways.open_local(current)
        current = self._state.current
        if not current or not current.port:
            return ""
        host = current.connect_address or current.address
        host = f"[{host}]" if ":" in host else host
        # the hub takes address and port from our answer, but forgets the scheme (app.py)
        self.server.proto = "https" if self.internal_ssl else "http"
        port = current.local_port or current.port
        return f"{self.server.proto}://{host}:{port}{self.server.base_url}"

    # ------------------------------------------------------------ certificates

    async def create_certs(self) -> dict[str, str]:
        """Certificates for the host that this server will be on; called before ``start``."""
        try:
            place = await self._placed()
        except SSHSpawnerError as error:
            raise self._failure(error) from error
        names = [place.address, place.host.ssh_address, place.peer]
        configured: Any = self.ssl_alt_names
        if not callable(configured):  # a callable is the administrator's own business
            more = certificates.alt_names(names)
            self.ssl_alt_names = [*configured, *(name for name in more if name not in configured)]
        try:
            paths: dict[str, str] = await super().create_certs()
            # at once, before another server of this user overwrites the files
            self._files = certificates.read(paths)
        finally:
            self.ssl_alt_names = configured
        return paths

    async def move_certs(self, paths: dict[str, str]) -> dict[str, str]:
        """The launcher writes the files and says where; what the hub knows is only their kind."""
        return {kind: f"{self.run_dir}/ssl.{kind}" for kind in paths}

    # ------------------------------------------------------------ the page

    @default("options_form")
    def _options_form_default(self) -> Any:
        return options.form if options.wanted(self) else ""

    @default("options_from_form")
    def _options_from_form_default(self) -> Any:
        return options.from_form if options.wanted(self) else self._passthrough_options_from_form

    @default("apply_user_options")
    def _apply_user_options_default(self) -> Any:
        return options.apply if options.wanted(self) else None

    async def read_log(self) -> str | None:
        """The end of what the running server has printed, without secrets; None if none runs."""
        return await server_log.read(self, self._node_of, self._state.current)

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What is happening, for the page that waits for the server."""
        async for event in self._progress.follow():
            yield event
