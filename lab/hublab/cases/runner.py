"""Puts a lab into one case after the other; the next user finds it as if it were new.

It knows no pytest: the plugin, the matrix command, the bench and labs that are kept warm share
it. A lab in a case has no server, an empty database, and the settings of the case.
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
from hublab.running.settings_lock import settings_lock
from hublab.running.switching import apply_settings, reset_lab
from hublab.settings.files import changed_keys
from hublab.settings.values import Settings


class Recorder(Protocol):
    """Where a runner writes what happens; it hides secrets."""

    def record(self, event: Event) -> None:
        """Write an event."""

    def hide(self, texts: Iterable[str]) -> None:
        """Never write these texts from now on."""


class Owner(enum.Enum):
    """Who brought a lab up, and so who ends it."""

    THIS_RUN = "this run made it and ends it"
    KEPT = "this run made it; it stays at the end"
    SOMEBODY = "it ran already; it stays, and gets the settings back that it had"


class State(enum.Enum):
    """What is known of a lab."""

    STARTING = "its containers run; nobody has waited for its hub yet"
    NEW = "as it came up: no case has been in it"
    FOUND = "as somebody else left it: with their servers and settings"
    SWITCHING = "a switch is under way or was cut short: nobody knows which files are written"
    IN_CASE = "in a case that this run put it into"


@dataclass(frozen=True, slots=True)
class Entered:
    """A lab is in a case, or its hub or proxy refuse the case."""

    refusal: ProgramEnded | None
    """Why hub or proxy do not run with these settings; None: they do."""
    own_server: str = ""
    """The name for this case's server: the default one, or a name that no other case uses."""


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that are in effect side by side: they differ in what servers read when they start."""

    name: str = ""
    count: int = 0


@dataclass(slots=True)
class CaseRunner:
    """A lab that several cases share, one after the other."""

    created: Created
    lab: Lab
    owner: Owner
    recorder: Recorder
    progress: Progress
    before: Settings
    """The settings that were in effect when this run got the lab."""
    acceptance: Acceptance
    state: State = State.STARTING
    current: Settings = field(default_factory=Settings)
    """The settings of the case that the lab is in, or is being put into."""
    group: Group = field(default_factory=Group)

    @property
    def stays(self) -> bool:
        """Whether the lab outlives this run."""
        return self.owner is not Owner.THIS_RUN

    async def make_ready(self) -> None:
        """Wait for the hub of a lab that was just created.

        Raises LabError; a lab that is new is gone then.
        """
        if self.state is not State.STARTING:
            return
        with self.created.getting_ready():
            await make_ready(self.lab, self.before, self.progress)
        self.state = State.NEW if self.created.new else State.FOUND
        self.current = self.before
        hosts = tuple(self.lab.as_json()["hosts"])
        self.recorder.record(LabUp(self.lab.name, self.lab.subnet, hosts, self.created.seconds))

    async def enter(self, case: Case, group: str = "") -> Entered:
        """Put the lab into a case, and have its software check the settings meanwhile.

        That takes about as long as a hub's start. In a lab that outlives the run the check comes
        first, so that nothing wrong stays there. Cases of one `group` are put beside each other
        where they differ in `server.` settings alone: the servers of earlier ones go on. Raises
        SettingError, which explains any refusal.
        """
        checking = asyncio.create_task(asyncio.to_thread(self.acceptance.check, case.settings))
        if self.stays:
            await checking
        try:
            async with settings_lock(self.lab.name, self.progress):
                entered = await (self._beside(case, group) if group else self._alone(case))
        finally:
            await checking
        settings = case.settings
        event = SettingsApplied(self.lab.name, case.id, settings.digest, settings.as_json())
        self.recorder.record(event)
        return entered

    async def _alone(self, case: Case) -> Entered:
        """Nothing of an earlier case is left."""
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

    async def _beside(self, case: Case, group: str) -> Entered:
        """The servers of earlier cases of the group go on."""
        before = self.group
        if before.name == group and not changed_keys(self.current, case.settings):
            self.state = State.SWITCHING
            await apply_settings(self.lab, case.settings)
            self.state, self.current = State.IN_CASE, case.settings
            refusal, count = None, before.count
        else:
            refusal, count = (await self._alone(case)).refusal, 0
        self.group = Group(group, count + 1)
        return Entered(refusal, f"case-{count + 1}")

    async def restore(self) -> None:
        """Give somebody's lab the settings back that it had, if this run has changed them."""
        changed = self.state is State.SWITCHING or (
            self.state is State.IN_CASE and self.current != self.before
        )
        if self.owner is not Owner.SOMEBODY or not changed:
            return
        self.progress(f"restoring the settings that lab {self.lab.name} had before")
        try:
            async with settings_lock(self.lab.name, self.progress):
                await reset_lab(self.lab, self.before)
        except HublabError as error:
            self.progress(f"lab {self.lab.name} is left with settings of this run: {error}")

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
