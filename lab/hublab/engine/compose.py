"""Docker Compose, called by its command line, so that topologies are plain Compose files."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hublab.errors import EngineError, MachineError, TopologyError
from hublab.progress import Progress


class ComposeRefusal(TopologyError):
    """Docker Compose does not accept the files; `said` are its own words."""

    def __init__(self, said: str, where: str) -> None:
        hint = "a file that `docker compose config` accepts"
        super().__init__(f"Docker Compose cannot read it: {said}", where=where, hint=hint)
        self.said = said


class Compose:
    """One Compose project: its files, its name and the variables that the files read.

    `overlay` is the text of one more file, laid over the others. Compose reads it from its
    standard input, so that nothing needs to be written before a lab comes up.
    """

    def __init__(
        self,
        files: Sequence[Path],
        project: str,
        variables: Mapping[str, str] | None = None,
        overlay: str = "",
    ) -> None:
        self.files = tuple(files)
        self.project = project
        self.variables = dict(variables or {})
        self.overlay = overlay

    @property
    def argv(self) -> list[str]:
        names = [*map(str, self.files), *(["-"] if self.overlay else [])]
        files = [part for name in names for part in ("--file", name)]
        return ["docker", "compose", "--project-name", self.project, *files]

    def with_overlay_in(self, path: Path) -> Compose:
        """The same project with its overlay written to a file, as a lab that comes up needs it.

        The engine keeps the names of a project's files with each container.
        """
        if not self.overlay:
            return self
        path.write_text(self.overlay, encoding="utf-8")
        return Compose((*self.files, path), self.project, self.variables)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables, "DOCKER_BUILDKIT": "1", "COMPOSE_ANSI": "never"}

    def config(self) -> dict[str, Any]:
        """The topology as Compose resolves it.

        Raises TopologyError with Compose's message if it cannot read the files, and MachineError if
        this machine has no Compose.
        """
        for file in self.files:
            if not file.is_file():
                raise TopologyError(
                    "this is no file" if file.exists() else "there is no such Compose file",
                    where=str(file),
                    hint="the path of a file",
                )
        done = self._run("config", "--format", "json")
        if done.returncode:
            if compose_version() is None:
                raise no_compose()
            raise ComposeRefusal(
                last_lines(without_warnings(done.stderr)), where=", ".join(map(str, self.files))
            )
        return dict(json.loads(done.stdout))

    def build(self, services: Sequence[str], progress: Progress) -> None:
        """Build the images of some services; `progress` gets the builder's lines."""
        self._stream(["--progress", "plain", "build", *services], "build images", progress)

    def create(self, progress: Progress, started: Callable[[int], None] = lambda pid: None) -> None:
        """Create what is missing without starting it; see `up`."""
        argv = ["--progress", "plain", "create", "--no-build", "--remove-orphans"]
        self._stream(argv, "create the containers", progress, started)

    def up(self, progress: Progress, started: Callable[[int], None] = lambda pid: None) -> None:
        """Create and start what is missing. `started` gets the id of Compose's process group."""
        argv = ["--progress", "plain", "up", "--detach", "--no-build", "--remove-orphans"]
        self._stream(argv, "start the containers", progress, started)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [*self.argv, *arguments],
                env=self.environment,
                capture_output=True,
                text=True,
                input=self.overlay,
                check=False,
            )
        except FileNotFoundError as error:
            raise no_compose() from error

    def _stream(
        self,
        arguments: Sequence[str],
        attempted: str,
        progress: Progress,
        started: Callable[[int], None] = lambda pid: None,
    ) -> None:
        argv = [*self.argv, *arguments]
        stream(argv, self.environment, attempted, progress, started, self.overlay)


def stream(
    argv: Sequence[str],
    environment: Mapping[str, str],
    attempted: str,
    progress: Progress,
    started: Callable[[int], None] = lambda pid: None,
    text: str = "",
) -> None:
    """Run a long docker command in a process group of its own; Ctrl-C ends the whole group.

    `progress` gets its lines, `started` the id of the group; the command reads `text`. Raises
    EngineError with what was attempted and the end of the command's output.
    """
    # A file without a name: a pipe could fill up while nobody reads the command's output.
    with tempfile.TemporaryFile() as stdin:
        stdin.write(text.encode())
        stdin.seek(0)
        try:
            process = subprocess.Popen(
                argv,
                env=environment,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise no_compose() from error
    started(process.pid)
    assert process.stdout is not None
    # Only line feeds end a line: apt draws its progress with carriage returns.
    output = io.TextIOWrapper(process.stdout, errors="replace", newline="\n")
    lines: list[str] = []
    try:
        for line in output:
            lines.append(line.rstrip())
            progress(line.rstrip())
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if code:
        raise EngineError(f"could not {attempted}: {last_lines(chr(10).join(lines))}")


def compose_version() -> str | None:
    """The version of the Compose plugin, None if this machine does not have version 2."""
    try:
        done = subprocess.run(
            ["docker", "compose", "version", "--short"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def buildx_version() -> str | None:
    """The version of the buildx plugin, None if this machine does not have it."""
    try:
        done = subprocess.run(
            ["docker", "buildx", "version"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.split()[1] if done.returncode == 0 else None


def no_compose() -> MachineError:
    return MachineError(
        "Docker Compose v2 is missing",
        where="docker compose",
        hint="`hublab doctor --fix` installs it as a plugin of the docker command",
    )


def without_warnings(text: str) -> str:
    """Compose's output without its warnings, unless it has nothing else."""
    kept = [line for line in text.splitlines() if "level=warning" not in line]
    return "\n".join(kept) if any(line.strip() for line in kept) else text


def last_lines(text: str, lines: int = 12) -> str:
    """The end of a command's output, which usually has the reason for its failure."""
    kept = [line for line in text.strip().splitlines() if line.strip()][-lines:]
    if not kept:
        return "it printed nothing"
    return kept[0] if len(kept) == 1 else "\n    " + "\n    ".join(kept)
