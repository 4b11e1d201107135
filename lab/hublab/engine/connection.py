"""Connects to the engine, and turns its errors into hublab's."""

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

    Raises MachineError if none answers, or if the user must not open its socket.
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
    """Turn the SDK's errors into an EngineError with what was attempted."""
    try:
        yield
    except docker.errors.DockerException as error:
        explanation = getattr(error, "explanation", None) or str(error)
        raise EngineError(f"could not {attempted}: {explanation}") from error
    except requests.exceptions.RequestException as error:
        raise EngineError(
            f"lost the connection to the engine: could not {attempted}: {error}"
        ) from error


def engine_host() -> str:
    """The engine's address: DOCKER_HOST, else the host of the current context."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    context = ContextAPI.get_current_context()
    return str(getattr(context, "Host", None) or "unix:///var/run/docker.sock")


def no_engine(host: str, error: Exception) -> MachineError:
    """The error for an engine that does not answer, with the reason and a hint."""
    text = str(error)
    if "Permission denied" in text:
        return MachineError(
            "no permission to connect to the Docker engine",
            where=host,
            hint="run as root, or as a member of the group that owns the socket (often `docker`)",
        )
    reason = "there is no such socket" if "No such file" in text else text
    return MachineError(
        f"no Docker engine answers: {reason}",
        where=host,
        hint="`hublab doctor --fix` installs and starts one; or set DOCKER_HOST",
    )
