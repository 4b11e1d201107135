"""A command inside a container: its two streams as the engine sent them, and its exit code.

The SDK's own `exec_start` reads from the socket behind its HTTP library's back, and what that
library has read ahead is lost: on a busy machine one short output in a hundred, with exit code 0
(docker-py#3332). So the answer is read through the library here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import docker.errors
import requests
import tenacity

from hublab.engine.records import ExecResult

FRAME = struct.Struct(">BxxxL")
"""Which stream, and how many bytes follow: Engine API, "ContainerAttach", "Stream format"."""
STDOUT, STDERR = 1, 2
ENDING = 10.0
"""Seconds that the engine may take to note the end of a command whose streams have ended."""


def run_in(
    api: Any,
    container: str,
    argv: Sequence[str],
    user: str = "",
    environment: Mapping[str, str] | None = None,
) -> ExecResult:
    """Run a command with the SDK's low-level client, waiting for its end, however long it takes.

    Raises the SDK's errors, and DockerException when no exit code comes of it.
    """
    made = api.exec_create(container, list(argv), user=user, environment=environment)["Id"]
    answer = api.post(
        f"{api.base_url}/v{api.api_version}/exec/{made}/start",
        json={"Detach": False, "Tty": False},
        timeout=(api.timeout, None),
    )
    try:
        answer.raise_for_status()
    except requests.HTTPError as error:
        docker.errors.create_api_error_from_http_exception(error)
    stdout, stderr = streams_of(answer.content)
    return ExecResult(
        exit_code(api, made), stdout.decode(errors="replace"), stderr.decode(errors="replace")
    )


def streams_of(content: bytes) -> tuple[bytes, bytes]:
    """stdout and stderr from the frames in which the engine sends both.

    Raises DockerException when the last frame is cut, or when the engine reports an error of its
    own in place of output.
    """
    parts: dict[int, list[bytes]] = {STDOUT: [], STDERR: []}
    at, end = 0, len(content)
    while at < end:
        if at + FRAME.size > end:
            raise docker.errors.DockerException("its output was cut short")
        stream, length = FRAME.unpack_from(content, at)
        at += FRAME.size + length
        if at > end:
            raise docker.errors.DockerException("its output was cut short")
        piece = content[at - length : at]
        if stream not in parts:
            raise docker.errors.DockerException(piece.decode(errors="replace").strip())
        parts[stream].append(piece)
    return b"".join(parts[STDOUT]), b"".join(parts[STDERR])


def exit_code(api: Any, made: str) -> int:
    """The exit code of a command whose streams have ended; the engine may note it a bit later."""
    noted = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda seen: seen["Running"] or seen["ExitCode"] is None),
        stop=tenacity.stop_after_delay(ENDING),
        wait=tenacity.wait_fixed(0.05),
    )
    try:
        return int(noted(api.exec_inspect, made)["ExitCode"])
    except tenacity.RetryError:
        raise docker.errors.DockerException(
            f"no exit code {ENDING:g} s after its streams ended"
        ) from None
