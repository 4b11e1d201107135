"""The labs of a test run: one for each topology, up when first asked for, gone at the end.

Everything here blocks and runs outside the event loop, so that Ctrl-C during a long `up` arrives
where the containers are made, which then undoes them. Imported only when a test needs a lab.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hublab.cases.matrix import Case
from hublab.deployment.creation import Created, create, plan_here
from hublab.deployment.ready import make_ready
from hublab.deployment.removal import down
from hublab.deployment.request import Request
from hublab.errors import HublabError, LabError, MachineError, UsageError
from hublab.journal.events import LabDown, LabUp, Restarted, SettingsApplied
from hublab.paths import ROOT
from hublab.pytest_plugin.evidence import Evidence
from hublab.pytest_plugin.topologies import DEFAULT_TOPOLOGY, LabOptions
from hublab.running.lab import Lab
from hublab.running.readiness import ProgramEnded
from hublab.running.settings_lock import settings_lock
from hublab.running.switching import apply_settings, reset_lab
from hublab.settings.checking import check_settings, taken
from hublab.settings.files import changed_keys
from hublab.settings.syntax import SCOPES, is_snippet
from hublab.settings.values import Settings

Say = Callable[[str], None]


@dataclass(slots=True)
class SharedLab:
    """A lab that the tests of one topology share, one after the other."""

    created: Created
    ours: bool
    """Whether this run made it, so that this run ends it."""
    before: Settings
    """What held in it when this run found it."""
    say: Say
    stays: bool
    """Whether it outlives this run."""
    switched: bool = False
    """Whether this run has changed its settings, or begun to."""
    ready: bool = False
    untouched: bool = False
    """Whether it is as its case made it: no test has had it since."""
    holds: Settings = field(default_factory=Settings)
    written: bool = False
    """Whether this run itself has written the files of all hosts, and was not interrupted."""
    checked: set[str] = field(default_factory=set)
    coming: list[Settings] = field(default_factory=list)
    """What the tests of this run will ask of it, not yet checked."""
    beside: tuple[str, int] = ("", 0)
    """The test whose cases stand side by side now, and how many of them there are."""

    @property
    def lab(self) -> Lab:
        return self.created.lab

    def check(self, settings: Settings) -> None:
        """Have the lab's own software check settings, each set once. Raises SettingError."""
        if self.coming:
            many = [one.only(scope) for one in self.coming for scope in SCOPES]
            plain = [one for one in many if not any(is_snippet(key) for key in one)]
            self.coming = []
            self.checked |= taken(self.lab.engine, self.lab.images, plain, lab=self.lab.name)
        new = {scope: settings.only(scope) for scope in SCOPES if settings.only(scope)}
        new = {scope: one for scope, one in new.items() if one.digest not in self.checked}
        wanted = Settings({key: value for one in new.values() for key, value in one.items()})
        check_settings(self.lab.engine, self.lab.images, wanted, lab=self.lab.name)
        self.checked |= {one.digest for one in new.values()}

    async def make_ready(self, evidence: Evidence, say: Say) -> None:
        """Wait for a hub that has just been started. Raises LabError after removing the lab."""
        if not self.ready:
            waited, _ = await make_ready(self.created, self.before, say)
            self.ready = True
            self.untouched, self.holds = self.created.new, self.before
            hosts = tuple(self.lab.as_json()["hosts"])
            seconds = round(self.created.container_seconds + waited, 3)
            evidence.record(LabUp(self.lab.name, self.lab.subnet, hosts, seconds))

    async def switch(self, case: Case, evidence: Evidence) -> ProgramEnded | None:
        """Make a case hold as in a new lab; returns why the hub or proxy refuse it, if so."""
        settings, refusal = case.settings, None
        self.switched = True
        self.beside = ("", 0)
        if not (self.untouched and self.holds == settings):
            self.untouched = False
            written, self.written = self.written, False  # while it is under way nobody knows
            try:
                seconds = await reset_lab(self.lab, settings, whole=not written)
            except ProgramEnded as ended:
                refusal = ended
            else:
                hub = self.lab.one("hub").service
                evidence.record(
                    Restarted(self.lab.name, hub, "hub", f"case {case.id}", round(seconds, 3))
                )
        self.untouched = False
        self.holds, self.written = settings, True
        return refusal

    def tell(self, case: Case, evidence: Evidence) -> None:
        """Record that a case holds now: its settings are written and known to be right ones."""
        told = case.settings
        evidence.record(SettingsApplied(self.lab.name, case.id, told.digest, told.as_json()))

    async def put_back(self) -> None:
        """Give a lab that this run found its own settings again, if others stand in it."""
        if self.ours or not self.switched or (self.written and self.holds == self.before):
            return
        name = self.lab.name
        self.say(f"putting back the settings that lab {name} had before")
        try:
            async with settings_lock(name, self.say):
                await reset_lab(self.lab, self.before)
        except HublabError as error:
            self.say(f"lab {name} is left with settings of the tests: {error}")

    async def switch_beside(
        self, case: Case, evidence: Evidence, test: str
    ) -> tuple[ProgramEnded | None, str]:
        """Make a case hold beside the earlier ones of the same test, whose servers go on.

        Only servers that start from now on have it, so that the cases may differ in `server.`
        settings alone. Returns why the hub or proxy refuse the first case, if so, and the name
        for this case's server.
        """
        before, count = self.beside
        servers_only = not changed_keys(self.holds, case.settings)
        refusal = None
        if before == test and servers_only:
            await apply_settings(self.lab, case.settings)
            self.holds, self.written = case.settings, True
        else:
            refusal, count = await self.switch(case, evidence), 0
        self.beside = (test, count + 1)
        return refusal, f"case-{count + 1}"


class Labs:
    """Brings labs up, remembers them, and ends those that it made."""

    def __init__(
        self, options: LabOptions, evidence: Evidence, say: Say, worker: str, pinned: Settings
    ) -> None:
        """`worker` is the name of this one of several, each with labs of its own, or empty.

        `pinned` settings are in all cases: they are checked before a lab comes up.
        """
        self.options = options
        self.evidence = evidence
        self.say = say
        self.worker = worker
        self.pinned = pinned
        self._labs: dict[tuple[Path, ...], SharedLab | HublabError] = {}

    def get(self, topology: tuple[str, ...], coming: Callable[[], list[Settings]]) -> SharedLab:
        """The lab of a topology, brought up when it is asked for the first time.

        `coming` is then asked for what the tests of this run will set in it.

        Raises LabError when it does not come up, and each time it is asked for after that;
        MachineError and UsageError concern every test and are for the caller to end the run.
        """
        files = self.options.files or compose_files(topology)
        found = self._labs.get(files)
        if isinstance(found, HublabError):
            raise LabError(
                f"the lab did not come up, as an earlier test says: {found.message.splitlines()[0]}"
            )
        if found is None:
            try:
                found = self._labs[files] = self._up(files, topology)
            except (MachineError, UsageError):
                raise
            except HublabError as error:
                self._labs[files] = error
                raise
            self.evidence.hide(found.lab.secrets())
            found.coming = coming()
            for settings in (found.before, *found.coming):
                self.evidence.hide(settings.secret_values())
        return found

    async def make_ready(self, shared: SharedLab) -> None:
        """Wait for a lab's hub. Raises LabError; one that this run made is gone then."""
        try:
            await shared.make_ready(self.evidence, self.say)
        except HublabError as error:
            if shared.ours:
                self._labs |= {files: error for files, one in self._labs.items() if one is shared}
            raise

    def _up(self, files: tuple[Path, ...], topology: tuple[str, ...]) -> SharedLab:
        name = self.name_for(topology)
        self.say(f"bringing up lab {name} from {', '.join(path.name for path in files)}")
        request = Request(name, files, self.pinned)
        created = create(*plan_here(request), self.say, lease=self.options.name is None)
        stays = self.options.keep or not created.new
        return SharedLab(created, created.new, created.lab.settings(), self.say, stays)

    def name_for(self, topology: tuple[str, ...]) -> str:
        """The name asked for, or a fresh one; overlays and workers have labs of their own."""
        if self.options.name is None:
            return f"test-{secrets.token_hex(3)}"
        extra = [] if self.options.files or topology == DEFAULT_TOPOLOGY else list(topology[1:])
        return "-".join([self.options.name, *extra, *filter(None, [self.worker])])

    async def put_back(self) -> None:
        """Give the labs that this run found their own settings again."""
        for shared in self._labs.values():
            if isinstance(shared, SharedLab):
                await shared.put_back()

    def end(self) -> None:
        """End what this run made, or let it stay if that was asked for."""
        for shared in self._labs.values():
            if isinstance(shared, SharedLab):
                self._end(shared)

    def _end(self, shared: SharedLab) -> None:
        name, guard = shared.lab.name, shared.created.guard
        if not shared.stays:
            seconds = down(name, shared.lab.engine)
            left = tuple(shared.lab.engine.leftovers(name))
            self.evidence.record(LabDown(name, round(seconds, 3), left))
        else:
            self.say(f"lab {name} stays up; `hublab down --name {name}` ends it")
        if guard:
            guard.release()


def compose_files(topology: tuple[str, ...]) -> tuple[Path, ...]:
    """The files of a topology. Raises pytest.UsageError for a name without a file."""
    files = tuple(ROOT / "compose" / f"{name}.yaml" for name in topology)
    for file in files:
        if not file.is_file():
            known = ", ".join(sorted(path.stem for path in (ROOT / "compose").glob("*.yaml")))
            raise UsageError(
                f"the marker topology names {file.stem}, and there is no {file}",
                hint=f"one of {known}",
            )
    return files


def end_run(config: pytest.Config, error: HublabError) -> None:
    """End the whole run with one message: what is wrong concerns every test."""
    code = error.exit_code if isinstance(error, MachineError) else pytest.ExitCode.USAGE_ERROR
    if hasattr(config, "workeroutput"):
        config.workeroutput["hublab_end"] = [str(error), int(code)]
    pytest.exit(str(error), returncode=int(code))
