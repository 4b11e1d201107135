"""Shells that stay open in containers, so that a command costs a few milliseconds.

A command's arguments and environment come by the shell's input, and are in no other process's
arguments.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Mapping, Sequence

import docker.errors

from hublab.engine.commands import STDERR, STDOUT
from hublab.engine.open_programs import OpenProgram, OpenPrograms

SHELL = "sh"


class Shell(OpenProgram):
    """A shell in a container, for one command after another. Not for several threads."""

    def run(self, script: str) -> tuple[int, bytes, bytes]:
        """The exit code, stdout and stderr of a script, which gets no input.

        It has ended when its streams have, as a command of the engine's own. Raises DockerException
        when the shell ends meanwhile, as with its container.
        """
        mark = secrets.token_hex(16)
        kept = {STDOUT: bytearray(), STDERR: bytearray()}
        end = f"\n{mark}".encode()
        code = b""
        try:
            self.send(framed(script, mark))
            for stream, piece in self.frames:
                kept[stream] += piece
                code = after(kept[STDOUT], end)
                if code.endswith(b"\n") and after(kept[STDERR], end).endswith(b"\n"):
                    break
            else:
                raise docker.errors.DockerException(why_ended(bytes(kept[STDOUT])))
        except OSError as error:
            raise docker.errors.DockerException(f"lost the connection: {error}") from error
        if not code.strip().isdigit():  # somebody killed what waits for the script
            raise docker.errors.DockerException(why_ended(b""))
        stdout, stderr = (bytes(kept[one]).rpartition(end)[0] for one in (STDOUT, STDERR))
        return int(code), stdout, stderr


def after(kept: bytearray, end: bytes) -> bytes:
    """What a stream has behind the mark of the end; looks at its last bytes only."""
    tail = bytes(kept[-len(end) - 8 :])
    return tail.partition(end)[2]


def why_ended(said: bytes) -> str:
    """What the engine said in place of starting a shell; of a command's output nothing."""
    text = said.decode(errors="replace").strip()
    return text[:500] if text.startswith("OCI runtime") else "the shell or its container ended"


def framed(script: str, mark: str) -> str:
    """A script with streams of its own, and words that say on both of the shell's where it ended.

    Its streams are pipes: what it does to them, and what it leaves behind that writes, concerns no
    other command. 3 and 4 are the shell's streams, 5 takes the exit code, 6 is the script's stderr;
    what the shell says of a script that a signal ended goes nowhere.
    """
    return (
        "exec 3>&1 4>&2\n"
        "code=$( exec 5>&1\n"
        "{ {\n"
        f"( {script}\n) </dev/null 2>&6 3>&- 4>&- 5>&- 6>&-\n"
        "echo $? >&5; } 2>/dev/null 3>&- 4>&- | cat >&3 4>&- 5>&- 6>&-\n"
        "} 6>&1 | cat >&4 3>&- 5>&-\n"
        ")\n"
        f"printf '\\n{mark} %s\\n' \"${{code:-?}}\"; printf '\\n{mark}\\n' >&2\n"
    )


PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OWN = ("IFS", "OPTIND", "PATH", "PPID", "PS1", "PS2", "PS4", "PWD")
"""Variables that mean something to the shell itself."""


def can_be_scripted(argv: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a shell can be given a command with these variables."""
    names = all(PLAIN.fullmatch(name) and name not in OWN for name in environment)
    return names and not any("\0" in text for text in (*argv, *environment.values()))


def script_of(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """The script that is this command, with these variables, and without the shell's own PWD.

    It has a session of its own, as a command that the engine starts.
    """
    exports = "".join(
        f"export {name}={shlex.quote(value)}; " for name, value in environment.items()
    )
    return f"unset PWD; {exports}exec setsid {shlex.join(argv)}"


def run(
    programs: OpenPrograms,
    container: str,
    started: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
) -> tuple[int, bytes, bytes]:
    """The exit code, stdout and stderr of a command, which gets as long as it takes.

    Raises the SDK's errors.
    """
    return run_script(programs, container, started, script_of(argv, environment))


def run_script(
    programs: OpenPrograms, container: str, started: str, script: str
) -> tuple[int, bytes, bytes]:
    """The same of a script for the shell; what it changes of itself ends with the script."""
    with programs.using(Shell, container, [SHELL], started) as shell:
        return shell.run(script)
