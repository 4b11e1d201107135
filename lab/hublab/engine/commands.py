"""Runs a command inside a container, for its output, its error output and its exit code.

The SDK's own `exec_start` reads from the socket past its HTTP library, and loses what that library
has read ahead: on a busy machine one short output in a hundred, with exit code 0 (docker-py#3332).
So this module reads the response through the library.
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
"""Stream, and number of bytes that follow: Engine API, "ContainerAttach", "Stream format"."""
STDOUT, STDERR = 1, 2
ENDING = 10.0
"""Seconds that the engine may take to record the end of a command whose streams have ended."""


def run_in(
    api: Any,
    container: str,
    argv: Sequence[str],
    user: str = "",
    environment: Mapping[str, str] | None = None,
) -> ExecResult:
    """Run a command with the SDK's low-level client, and wait for its end without a timeout.

    Raises the SDK's errors, and DockerException if the engine reports no exit code.
    """
    exec_id = api.exec_create(container, list(argv), user=user, environment=environment)["Id"]
    response = api.post(
        f"{api.base_url}/v{api.api_version}/exec/{exec_id}/start",
        json={"Detach": False, "Tty": False},
        timeout=(api.timeout, None),
    )
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        docker.errors.create_api_error_from_http_exception(error)
    stdout, stderr = streams_of(response.content)
    return ExecResult(
        exit_code(api, exec_id), stdout.decode(errors="replace"), stderr.decode(errors="replace")
    )


def streams_of(content: bytes) -> tuple[bytes, bytes]:
    """stdout and stderr from the frames in which the engine sends both.

    Raises DockerException if the last frame is incomplete, or if the engine reports an error of its
    own instead of output.
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


def exit_code(api: Any, exec_id: str) -> int:
    """The exit code of a command whose streams have ended; the engine may record it a bit later."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda seen: seen["Running"] or seen["ExitCode"] is None),
        stop=tenacity.stop_after_delay(ENDING),
        wait=tenacity.wait_fixed(0.05),
    )
    try:
        return int(retrying(api.exec_inspect, exec_id)["ExitCode"])
    except tenacity.RetryError:
        raise docker.errors.DockerException(
            f"no exit code {ENDING:g} s after its streams ended"
        ) from None
