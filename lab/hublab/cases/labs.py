"""The labs of a run: one for each topology, brought up on first use and removed at the end.

Bringing a lab up blocks and runs outside the event loop, so that Ctrl-C during a long `up` reaches
the code that creates the containers, which then removes them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from hublab.cases.acceptance import Acceptance
from hublab.cases.options import DEFAULT_TOPOLOGY, LabOptions
from hublab.cases.runner import CaseRunner, Owner, Recorder
from hublab.deployment.creation import create, prepare
from hublab.deployment.plan import make_plan
from hublab.engine import Engine
from hublab.errors import HublabError, LabError, MachineError, UsageError
from hublab.paths import COMPOSE
from hublab.progress import Progress
from hublab.running.lab import Lab
from hublab.running.warm import make_cold
from hublab.settings.values import Settings


class Labs:
    """Brings labs up, keeps them for later tests, and removes those that this run created."""

    def __init__(self, options: LabOptions, recorder: Recorder, progress: Progress) -> None:
        self.options = options
        self.recorder = recorder
        self.progress = progress
        self._labs: dict[tuple[Path, ...], CaseRunner | HublabError] = {}

    def get(
        self, topology: tuple[str, ...], upcoming: Callable[[], Sequence[Settings]]
    ) -> CaseRunner:
        """The lab of a topology, brought up on first use.

        `upcoming` is called then and returns all settings that this run will put into the lab.

        Raises LabError if the lab does not come up, and again at each later call. MachineError
        and UsageError concern every case, so the caller should end the run.
        """
        files = self.options.files or topology_files(topology)
        found = self._labs.get(files)
        if isinstance(found, HublabError):
            first = found.message.splitlines()[0]
            raise LabError(f"the lab did not come up, as an earlier test reported: {first}")
        if found is None:
            try:
                found = self._labs[files] = self._up(files, topology)
            except (MachineError, UsageError):
                raise
            except HublabError as error:
                self._labs[files] = error
                raise
            expected = upcoming()
            found.acceptance.expect(expected)
            self.recorder.hide(found.lab.secrets())
            for settings in (found.original, *expected):
                self.recorder.hide(settings.secret_values())
        return found

    async def make_ready(self, runner: CaseRunner) -> None:
        """Wait for a lab's hub. Raises LabError; a lab of this run has been removed by then."""
        try:
            await runner.make_ready()
        except HublabError as error:
            if runner.owner is not Owner.USER:
                self._labs |= {files: error for files, one in self._labs.items() if one is runner}
            raise

    def _up(self, files: tuple[Path, ...], topology: tuple[str, ...]) -> CaseRunner:
        name = self.name_for(topology)
        self.progress(f"bringing up lab {name} from {', '.join(path.name for path in files)}")
        plan = make_plan(files, checkouts=self.options.checkouts)
        engine = Engine.connect()
        prepare(plan, name, engine, self.progress)
        lease, pinned = self.options.name is None, self.options.pinned
        created = create(plan, name, engine, self.progress, settings=pinned, lease=lease)
        if not created.new:
            owner = Owner.USER
        else:
            owner = Owner.KEPT if self.options.keep else Owner.THIS_RUN
        lab = Lab.find(name, engine)
        acceptance = Acceptance(lab)
        runner = CaseRunner(
            created, lab, owner, self.recorder, self.progress, lab.settings(), acceptance
        )
        runner.cold = self.options.cold and make_cold(lab)
        return runner

    def name_for(self, topology: tuple[str, ...]) -> str:
        """The requested name, or a new one; overlays and workers get labs of their own."""
        if self.options.name is None:
            return f"test-{secrets.token_hex(3)}"
        extra = [] if self.options.files or topology == DEFAULT_TOPOLOGY else list(topology[1:])
        return "-".join([self.options.name, *extra, *filter(None, [self.options.worker])])

    async def restore(self) -> None:
        """Restore the original settings of labs that this run did not create."""
        for runner in self._runners():
            await runner.restore()

    def end(self) -> None:
        """Remove the labs that this run created, unless the options keep them. Once for each."""
        runners = self._runners()
        self._labs.clear()
        for runner in runners:
            runner.end()

    def _runners(self) -> list[CaseRunner]:
        return [one for one in self._labs.values() if isinstance(one, CaseRunner)]


def topology_files(names: tuple[str, ...]) -> tuple[Path, ...]:
    """The project's own Compose files of a topology. Raises UsageError for an unknown name."""
    files = tuple(COMPOSE / f"{name}.yaml" for name in names)
    for file in files:
        if not file.is_file():
            known = ", ".join(sorted(path.stem for path in COMPOSE.glob("*.yaml")))
            raise UsageError(
                f"there is no topology {file.stem}: {file} does not exist", hint=f"one of {known}"
            )
    return files
