"""The labs of a run: one for each topology, up when first asked for, gone at the end.

Bringing a lab up blocks and runs outside the event loop, so that Ctrl-C during a long `up`
arrives where the containers are created, which then undoes them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from hublab.cases.acceptance import Acceptance
from hublab.cases.options import DEFAULT_TOPOLOGY, LabOptions
from hublab.cases.runner import CaseRunner, Owner, Recorder
from hublab.deployment.creation import create, refuse_early
from hublab.deployment.plan import make_plan
from hublab.engine import Engine
from hublab.errors import HublabError, LabError, MachineError, UsageError
from hublab.paths import COMPOSE
from hublab.progress import Progress
from hublab.running.lab import Lab
from hublab.settings.values import Settings


class Labs:
    """Brings labs up, remembers them, and ends those that this run made."""

    def __init__(self, options: LabOptions, recorder: Recorder, progress: Progress) -> None:
        self.options = options
        self.recorder = recorder
        self.progress = progress
        self._labs: dict[tuple[Path, ...], CaseRunner | HublabError] = {}

    def get(
        self, topology: tuple[str, ...], coming: Callable[[], Sequence[Settings]]
    ) -> CaseRunner:
        """The lab of a topology, brought up when it is asked for the first time.

        `coming` is then asked for all settings that this run will put into it.

        Raises LabError when it does not come up, and each time it is asked for after that;
        MachineError and UsageError concern every case and are for the caller to end the run.
        """
        files = self.options.files or topology_files(topology)
        found = self._labs.get(files)
        if isinstance(found, HublabError):
            first = found.message.splitlines()[0]
            raise LabError(f"the lab did not come up, as an earlier test says: {first}")
        if found is None:
            try:
                found = self._labs[files] = self._up(files, topology)
            except (MachineError, UsageError):
                raise
            except HublabError as error:
                self._labs[files] = error
                raise
            expected = coming()
            found.acceptance.expect(expected)
            self.recorder.hide(found.lab.secrets())
            for settings in (found.before, *expected):
                self.recorder.hide(settings.secret_values())
        return found

    async def make_ready(self, runner: CaseRunner) -> None:
        """Wait for a lab's hub. Raises LabError; a lab that this run made is gone then."""
        try:
            await runner.make_ready()
        except HublabError as error:
            if runner.owner is not Owner.SOMEBODY:
                self._labs |= {files: error for files, one in self._labs.items() if one is runner}
            raise

    def _up(self, files: tuple[Path, ...], topology: tuple[str, ...]) -> CaseRunner:
        name = self.name_for(topology)
        self.progress(f"bringing up lab {name} from {', '.join(path.name for path in files)}")
        plan, engine = make_plan(files), Engine.connect()
        refuse_early(engine, name, plan)
        lease, pinned = self.options.name is None, self.options.pinned
        created = create(plan, name, engine, self.progress, settings=pinned, lease=lease)
        if not created.new:
            owner = Owner.SOMEBODY
        else:
            owner = Owner.KEPT if self.options.keep else Owner.THIS_RUN
        lab = Lab.find(name, engine)
        acceptance = Acceptance(lab)
        return CaseRunner(
            created, lab, owner, self.recorder, self.progress, lab.settings(), acceptance
        )

    def name_for(self, topology: tuple[str, ...]) -> str:
        """The name asked for, or a fresh one; overlays and workers have labs of their own."""
        if self.options.name is None:
            return f"test-{secrets.token_hex(3)}"
        extra = [] if self.options.files or topology == DEFAULT_TOPOLOGY else list(topology[1:])
        return "-".join([self.options.name, *extra, *filter(None, [self.options.worker])])

    async def restore(self) -> None:
        """Give the labs that this run found their own settings again."""
        for runner in self._runners():
            await runner.restore()

    def end(self) -> None:
        """End what this run made, or leave it up where that was asked for."""
        for runner in self._runners():
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
