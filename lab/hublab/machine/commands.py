"""Runs the machine's own tools, with their lines as progress and the last ones as the error."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hublab.engine.compose import last_lines
from hublab.errors import MachineError
from hublab.progress import Progress


def run(
    argv: Sequence[str],
    attempted: str,
    progress: Progress,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Run a tool to its end; `progress` gets each line.

    Returns the whole output. Raises MachineError with its last lines if the tool fails.
    """
    try:
        process = subprocess.Popen(
            argv,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise MachineError(
            f"could not {attempted}: this machine has no {argv[0]}", where=shlex.join(argv)
        ) from error
    lines: list[str] = []
    with process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.rstrip())
                progress(line.rstrip())
        except BaseException:
            process.terminate()
            raise
    text = "\n".join(lines)
    if process.returncode:
        raise MachineError(f"could not {attempted}: {last_lines(text)}", where=shlex.join(argv))
    return text


def output_of(argv: Sequence[str], timeout: float = 10) -> str | None:
    """The output of a quick, read-only command; None if it fails or does not exist."""
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def ignore(line: str) -> None:
    """A progress listener that does nothing."""
