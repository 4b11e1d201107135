"""Programs that stay open in a container and answer each line of their input with one line."""

from __future__ import annotations

from collections.abc import Sequence

import docker.errors

from hublab.engine.commands import STDOUT
from hublab.engine.open_programs import OpenProgram, OpenPrograms


class Answering(OpenProgram):
    """A program that has done its imports and waits for a question."""

    def ask(self, line: str) -> str:
        """Its answer to a line. Raises DockerException with its last words when it ends instead."""
        answer, errors = bytearray(), bytearray()
        try:
            self.send(f"{line}\n")
            for stream, piece in self.frames:
                (answer if stream == STDOUT else errors).extend(piece)
                if answer.endswith(b"\n"):
                    return answer.decode(errors="replace").rstrip("\n")
        except OSError as error:
            raise docker.errors.DockerException(f"lost the connection: {error}") from error
        words = (errors or answer).decode(errors="replace").strip().splitlines()
        raise docker.errors.DockerException(words[-1] if words else "it ended without a word")


def ask(
    programs: OpenPrograms, container: str, started: str, argv: Sequence[str], line: str
) -> str:
    """What a program that stays open in a container answers. Raises the SDK's errors."""
    with programs.using(Answering, container, argv, started) as program:
        return program.ask(line)
