"""Puts a lab into one case after another, each time as if the lab were new.

Independent of pytest, so that others than its plugin can use it. A lab that enters a case has no
server, an empty database, and the settings of the case.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from hublab.cases.acceptance import Acceptance
from hublab.cases.matrix import Case
from hublab.deployment.creation import Created
from hublab.deployment.removal import down
from hublab.errors import HublabError
from hublab.journal.events import Event, LabDown, LabUp, Restarted, SettingsApplied
from hublab.progress import Progress
from hublab.running.lab import Lab
from hublab.running.readiness import ProgramEnded
from hublab.running.ready import make_ready
from hublab.running.reset import reset_lab
from hublab.running.settings_lock import settings_lock
from hublab.running.switching import apply_settings
from hublab.running.warm import make_warm
from hublab.settings.files import changed_keys
from hublab.settings.values import Settings


class Recorder(Protocol):
    """Where a runner records events; it hides secrets."""

    def record(self, event: Event) -> None:
        """Record an event."""

    def hide(self, texts: Iterable[str]) -> None:
        """Hide these texts in everything recorded from now on."""


class Owner(enum.Enum):
    """Who created a lab, and therefore what happens to it at the end of the run."""

    THIS_RUN = "this run created it and removes it"
    KEPT = "this run created it and leaves it up"
    USER = "it was running before; it stays up, and its settings are restored"


class State(enum.Enum):
    """The state of a lab, as far as its runner knows it."""

    STARTING = "its containers run, and its hub may still be starting"
    NEW = "as it came up: it has not been in any case"
    FOUND = "as its user left it, with servers and settings"
    SWITCHING = "a switch is in progress or was interrupted, so the files are unknown"
    IN_CASE = "in a case that this run put it into"


@dataclass(frozen=True, slots=True)
class Entered:
    """The result of entering a case, which hub or proxy may have refused."""

    refusal: ProgramEnded | None
    """Why hub or proxy do not run with these settings; None if they run."""
    own_server: str = ""
    """The name for this case's server: the default one, or a name that no other case uses."""


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that are in effect side by side, because they differ in settings of servers only."""

    name: str = ""
    count: int = 0


@dataclass(slots=True)
class CaseRunner:
    """A lab that cases use one after another."""

    created: Created
    lab: Lab
    owner: Owner
    recorder: Recorder
    progress: Progress
    original: Settings
    """The settings that were in effect before this run used the lab."""
    acceptance: Acceptance
    state: State = State.STARTING
    current: Settings = field(default_factory=Settings)
    """The settings of the case that the lab is in, or is being put into."""
    group: Group = field(default_factory=Group)
    cold: bool = False
    """Whether this run has made the lab's hubs cold."""

    @property
    def stays(self) -> bool:
        """Whether the lab outlives this run."""
        return self.owner is not Owner.THIS_RUN

    async def make_ready(self) -> None:
        """Wait for the hub of a lab that was just created.

        Raises LabError; a new lab has been removed by then.
        """
        if self.state is not State.STARTING:
            return
        with self.created.getting_ready():
            await make_ready(self.lab, self.original, self.progress)
        # The hub of a new lab was warm when it came up.
        self.state = State.NEW if self.created.new and not self.cold else State.FOUND
        self.current = self.original
        hosts = tuple(self.lab.as_json()["hosts"])
        self.recorder.record(LabUp(self.lab.name, self.lab.subnet, hosts, self.created.seconds))

    async def enter(self, case: Case, group: str = "") -> Entered:
        """Put the lab into a case, and check the settings with its software at the same time.

        The check takes about as long as a hub's start. In a lab that outlives the run it comes
        first, so that no bad setting stays there. Cases of one `group` are in effect side by side
        if they differ in `server.` settings only: the servers of earlier cases keep running.
        Raises SettingError, which explains any refusal.
        """
        checking = asyncio.create_task(asyncio.to_thread(self.acceptance.check, case.settings))
        if self.stays:
            await checking
        try:
            async with settings_lock(self.lab.name, self.progress):
                entered = await (
                    self._enter_beside(case, group) if group else self._enter_alone(case)
                )
        finally:
            await checking
        settings = case.settings
        event = SettingsApplied(self.lab.name, case.id, settings.digest, settings.masked())
        self.recorder.record(event)
        return entered

    async def _enter_alone(self, case: Case) -> Entered:
        """Enter a case after resetting everything of an earlier one."""
        self.group = Group()
        if self.state is State.NEW and self.current == case.settings:
            self.state = State.IN_CASE
            return Entered(None)
        whole = self.state is not State.IN_CASE
        self.state, self.current = State.SWITCHING, case.settings
        refusal = None
        try:
            seconds = await reset_lab(self.lab, case.settings, whole=whole)
        except ProgramEnded as ended:
            refusal = ended
        else:
            hub = self.lab.one("hub").service
            reason = f"case {case.id}"
            restart = Restarted(self.lab.name, hub, "hub", reason, round(seconds, 3))
            self.recorder.record(restart)
        self.state = State.IN_CASE
        return Entered(refusal)

    async def _enter_beside(self, case: Case, group: str) -> Entered:
        """Enter a case while the servers of earlier cases of its group keep running."""
        earlier = self.group
        if earlier.name == group and not changed_keys(self.current, case.settings):
            self.state = State.SWITCHING
            await apply_settings(self.lab, case.settings)
            self.state, self.current = State.IN_CASE, case.settings
            refusal, count = None, earlier.count
        else:
            refusal, count = (await self._enter_alone(case)).refusal, 0
        self.group = Group(group, count + 1)
        return Entered(refusal, f"case-{count + 1}")

    async def restore(self) -> None:
        """Restore the original settings of a user's lab if this run has changed them."""
        if self.owner is Owner.USER and self.cold:
            make_warm(self.lab)
        changed = self.state is State.SWITCHING or (
            self.state is State.IN_CASE and self.current != self.original
        )
        if self.owner is not Owner.USER or not changed:
            return
        self.progress(f"restoring the original settings of lab {self.lab.name}")
        try:
            async with settings_lock(self.lab.name, self.progress):
                await reset_lab(self.lab, self.original)
        except HublabError as error:
            self.progress(f"lab {self.lab.name} still has settings of this run: {error}")

    def end(self) -> None:
        """End the lab, or leave it up where that was asked for."""
        name = self.lab.name
        if self.stays:
            self.progress(f"lab {name} stays up; `hublab down --name {name}` ends it")
        else:
            seconds = down(name, self.lab.engine)
            left = tuple(self.lab.engine.leftovers(name))
            self.recorder.record(LabDown(name, round(seconds, 3), left))
        self.created.release()
