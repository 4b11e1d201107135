"""Where the engine is, and its errors as ours."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.context import ContextAPI

from hublab.errors import EngineError, MachineError


def connect(timeout: float) -> tuple[Any, str]:
    """A client of the engine that DOCKER_HOST or the current context names, and its address.

    Raises MachineError when none answers or the socket may not be opened.
    """
    host = engine_host()
    try:
        if os.environ.get("DOCKER_HOST"):
            client = docker.from_env(timeout=timeout)
        else:
            tls = getattr(ContextAPI.get_current_context(), "TLSConfig", None)
            client = docker.DockerClient(base_url=host, tls=tls or False, timeout=timeout)
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise no_engine(host, error) from error
    return client, host


@contextlib.contextmanager
def engine_errors(attempted: str) -> Iterator[None]:
    """Turn the SDK's errors into one of ours that says what was attempted."""
    try:
        yield
    except docker.errors.DockerException as error:
        explanation = getattr(error, "explanation", None) or str(error)
        raise EngineError(f"could not {attempted}: {explanation}") from error
    except requests.exceptions.RequestException as error:
        raise EngineError(f"the engine went away: could not {attempted}: {error}") from error


def engine_host() -> str:
    """Where the engine is looked for: DOCKER_HOST, else the current context's host."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    context = ContextAPI.get_current_context()
    return str(getattr(context, "Host", None) or "unix:///var/run/docker.sock")


def no_engine(host: str, error: Exception) -> MachineError:
    """Say why no engine answered, and a hint."""
    text = str(error)
    if "Permission denied" in text:
        return MachineError(
            "no permission to speak to the Docker engine",
            where=host,
            hint="run as root, or as a member of the group that owns the socket (often `docker`)",
        )
    reason = "there is no such socket" if "No such file" in text else text
    return MachineError(
        f"no Docker engine answers: {reason}",
        where=host,
        hint="`hublab doctor --fix` installs and starts one; or set DOCKER_HOST",
    )
