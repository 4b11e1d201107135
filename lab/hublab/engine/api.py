"""The engine's API: finds a lab's containers by label, runs commands in them, and writes files.

It uses the Docker SDK, and turns the SDK's errors into hublab's.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import docker.errors

from hublab.engine import files as files_by_shell
from hublab.engine import logs, shells
from hublab.engine.answering import ask
from hublab.engine.commands import run_in
from hublab.engine.connection import connect, engine_errors
from hublab.engine.open_programs import OpenPrograms
from hublab.engine.records import (
    NETWORK,
    PROJECT,
    SERVICE,
    SIDECAR,
    Container,
    ExecResult,
    File,
    container_from,
    tar_of,
)
from hublab.engine.shells import SHELL, can_be_scripted
from hublab.errors import EngineError, UsageError
from hublab.roles import LABEL as ROLE

BUILT = "hublab-"
STARTING: dict[str, threading.Lock] = {}
"""A lock for each sidecar that this process starts."""


class Engine:
    """A Docker engine that answered. It finds labs by label, so it keeps no state."""

    def __init__(
        self, client: Any, host: str, lab: str = "", programs: OpenPrograms | None = None
    ) -> None:
        self._client = client
        self.host = host
        self._lab = lab
        self._programs = programs or OpenPrograms(client, host)

    def for_lab(self, lab: str) -> Engine:
        """The same engine, whose temporary containers belong to a lab."""
        return Engine(self._client, self.host, lab, self._programs)

    @classmethod
    def connect(cls, timeout: float = 60) -> Engine:
        """Connect to the engine that DOCKER_HOST or the current context names.

        Raises MachineError if none answers, or if the user must not open its socket.
        """
        return cls(*connect(timeout))

    @property
    def client(self) -> Any:
        """The SDK's client, for the modules of this package."""
        return self._client

    @property
    def is_local(self) -> bool:
        """Whether ports published on the engine's loopback are this machine's loopback."""
        return self.host.startswith(("unix://", "npipe://"))

    def close(self) -> None:
        self._programs.close()
        self._client.close()

    def version(self) -> dict[str, Any]:
        with engine_errors("ask the engine for its version"):
            return dict(self._client.version())

    # -- labs -------------------------------------------------------------------

    def containers(self, lab: str) -> list[Container]:
        """All containers of a lab, with its sidecars and the ended `init`."""
        with engine_errors(f"list the containers of lab {lab}"):
            raw = self._client.api.containers(all=True, filters={"label": f"{PROJECT}={lab}"})
            found = []
            for entry in raw:
                with contextlib.suppress(docker.errors.NotFound):
                    found.append(container_from(self._client.api.inspect_container(entry["Id"])))
        return sorted(found, key=lambda container: container.name)

    def labs(self) -> list[str]:
        """The names of all labs on this engine: projects with a container that has a role."""
        with engine_errors("list labs"):
            raw = self._client.api.containers(all=True, filters={"label": ROLE})
        labels = [entry["Labels"] for entry in raw]
        return sorted({one[PROJECT] for one in labels if one.get(PROJECT) and one.get(ROLE)})

    def subnets_in_use(self) -> list[str]:
        """Subnets of all the engine's networks, as CIDR texts."""
        with engine_errors("list networks"):
            networks = self._client.api.networks()
        return [
            config["Subnet"]
            for network in networks
            for config in (network.get("IPAM") or {}).get("Config") or []
            if "Subnet" in config
        ]

    def subnet_of(self, lab: str) -> str | None:
        """The subnet of a lab's network `lab`, else of its first; None if it has no network."""
        subnets = self.subnets_of(lab)
        return subnets.get("lab") or next(iter(subnets.values()), None)

    def subnets_of(self, lab: str) -> dict[str, str]:
        """Network (its name in the Compose file) -> subnet, in order of the names."""
        with engine_errors(f"look at the networks of lab {lab}"):
            networks = self._client.api.networks(filters={"label": f"{PROJECT}={lab}"})
        return {
            str(network["Labels"][NETWORK]): str(config["Subnet"])
            for network in sorted(networks, key=lambda entry: str(entry["Name"]))
            for config in ((network.get("IPAM") or {}).get("Config") or [])[:1]
            if NETWORK in (network["Labels"] or {})
        }

    def leftovers(self, lab: str) -> list[str]:
        """The containers, networks and volumes of a lab that exist, as `kind name` texts."""
        filters = {"label": f"{PROJECT}={lab}"}
        with engine_errors(f"look for what is left of lab {lab}"):
            api = self._client.api
            found = [
                f"container {entry['Names'][0].lstrip('/')}"
                for entry in api.containers(all=True, filters=filters)
            ]
            found += [f"network {entry['Name']}" for entry in api.networks(filters=filters)]
            volumes = api.volumes(filters=filters).get("Volumes") or []
            found += [f"volume {entry['Name']}" for entry in volumes]
        return found

    def remove_lab(self, lab: str, timeout: float = 60) -> None:
        """Remove every container, network and volume of a lab, in any state.

        It tries again until nothing is left, for another process may still be creating things.
        Raises EngineError with the names of those that are left after the timeout (seconds).
        """
        end = time.monotonic() + timeout
        while left := self.leftovers(lab):
            if time.monotonic() > end:
                raise EngineError(f"could not remove all of lab {lab}; left: {', '.join(left)}")
            self._remove_once(lab)

    def _remove_once(self, lab: str) -> None:
        filters = {"label": f"{PROJECT}={lab}"}
        api = self._client.api
        gone = (docker.errors.NotFound, docker.errors.APIError)
        with engine_errors(f"remove lab {lab}"):
            # Sidecars use the network namespace of another container, so they are removed first.
            entries = api.containers(all=True, filters=filters)
            for entry in sorted(entries, key=lambda entry: SIDECAR not in entry["Labels"]):
                with contextlib.suppress(*gone):
                    if entry["State"] == "paused":
                        api.unpause(entry["Id"])
                    api.remove_container(entry["Id"], force=True, v=True)
            for network in api.networks(filters=filters):
                with contextlib.suppress(*gone):
                    api.remove_network(network["Id"])
            for volume in api.volumes(filters=filters).get("Volumes") or []:
                with contextlib.suppress(*gone):
                    api.remove_volume(volume["Name"], force=True)

    # -- one container ----------------------------------------------------------

    def exec(
        self,
        container: str,
        argv: Sequence[str],
        *,
        user: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """Run a command inside a container, and wait for its end."""
        with engine_errors(f"run {argv[0]} in {container[:12]}"):
            given = environment or {}
            by_shell = not user and can_be_scripted(argv, given)
            started = self._programs.started(container) if by_shell else None
            if started is None:  # the engine says why nothing can run there
                return run_in(self._client.api, container, argv, user, environment)
            code, *outputs = shells.run(self._programs, container, started, argv, given)
            return ExecResult(code, *(text.decode(errors="replace") for text in outputs))

    def ask(self, container: str, argv: Sequence[str], line: str) -> str:
        """The answer of a program to a line: in a container that runs it stays open for the next.

        It answers each line of its input with one line; given a line as an argument, it prints the
        answer to that one and ends.
        """
        with engine_errors(f"ask {argv[-1]} in {container[:12]}"):
            started = self._programs.started(container)
            if started is not None:
                return ask(self._programs, container, started, argv, line)
            done = run_in(self._client.api, container, [*argv, line])
            if done.exit_code:
                raise docker.errors.DockerException(done.stderr.strip()[-300:])
            return done.stdout.rstrip("\n")

    def put_files(self, container: str, folder: str, files: Sequence[File]) -> None:
        """Write files into a folder of a container; they have their mode and owner at once."""
        with engine_errors(f"put {', '.join(file.name for file in files)} into {container[:12]}"):
            if not files_by_shell.write(self._programs, container, folder, files):
                self._client.api.put_archive(container, folder, tar_of(files))

    def read_file(self, container: str, path: str) -> bytes | None:
        """The content of one file of a container, None if there is no such file."""
        with engine_errors(f"read {path} in {container[:12]}"):
            try:
                told, content = files_by_shell.read(self._programs, container, path)
                if told:
                    return content
                chunks, _ = self._client.api.get_archive(container, path)
            except docker.errors.NotFound:
                return None
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
                member = archive.extractfile(archive.getmembers()[0])
                return member.read() if member else None

    def logs(
        self,
        container: str,
        *,
        since: float | None = None,
        tail: int | None = None,
        timestamps: bool = False,
    ) -> str:
        """The log of a host; `since` is in seconds of the Unix clock.

        With `timestamps` each line begins with the time at which the engine got it.
        """
        with engine_errors(f"read the log of {container[:12]}"):
            return logs.read(
                self._client.api,
                container,
                since=since,
                tail="all" if tail is None else tail,
                timestamps=timestamps,
            )

    def settle_log(self, container: str) -> None:
        """Wait until the log has what the container's programs had written when this was called.

        Of one that is frozen or has ended there is no more to come.
        """
        with engine_errors(f"wait for the log of {container[:12]}"):
            if self._client.api.inspect_container(container)["State"]["Status"] == "running":
                logs.settle(self._client.api, container, partial(self.exec, container))

    def end_of_log(
        self, container: str, *, since: float, lines: int, most: int
    ) -> tuple[str, bool]:
        """The end of a host's log since a time, each line behind the time at which it came.

        At most so many lines and, about, bytes, whatever a program has printed. Also returns
        whether something before them is left out.
        """
        with engine_errors(f"read the log of {container[:12]}"):
            return logs.read_end(self._client.api, container, since=since, lines=lines, most=most)

    def follow_logs(self, container: str, *, tail: int | None = None) -> Iterator[str]:
        """The log of a host as it grows, in pieces; ends with the container."""
        with engine_errors(f"follow the log of {container[:12]}"):
            tailed = "all" if tail is None else tail
            for piece in logs.follow(self._client.api, container, tail=tailed):
                yield piece.decode(errors="replace")

    def pause(self, container: str) -> None:
        """Freeze a container. Raises UsageError, with its host's name, if it is already frozen."""
        with engine_errors(f"freeze {container[:12]}"):
            try:
                self._client.api.pause(container)
            except docker.errors.APIError as error:
                if "already paused" not in str(error.explanation):
                    raise
                labels = self._client.api.inspect_container(container)["Config"]["Labels"] or {}
                raise UsageError(
                    f"{labels.get(SERVICE) or container[:12]} is already frozen",
                    hint="wait until it is thawed",
                ) from error

    def unpause(self, container: str) -> None:
        """Thaw a container. It is no error if it is not frozen, or is gone."""
        with engine_errors(f"thaw {container[:12]}"):
            try:
                self._client.api.unpause(container)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as error:
                if "not paused" not in str(error.explanation):
                    raise

    def started_at(self, container: str) -> str:
        """When a container was last started, as the engine writes it: another after a restart."""
        with engine_errors(f"look at {container[:12]}"):
            return str(self._client.api.inspect_container(container)["State"]["StartedAt"])

    def processes(self, container: str) -> int:
        """The number of processes that run in a container, without the shells of this module."""
        return len([line for line in self.commands(container).values() if line != SHELL])

    def commands(self, container: str) -> dict[int, str]:
        """The command line of each process in a container, by its pid on the engine's machine."""
        with engine_errors(f"list the processes of {container[:12]}"):
            top = self._client.api.top(container, ps_args="-eo pid,args")
        return {int(pid): command for pid, command in top["Processes"] or []}

    def memory_bytes(self, container: str) -> int:
        """Bytes of memory that a container uses, without the page cache of files it has read."""
        with engine_errors(f"read the memory of {container[:12]}"):
            stats = self._client.api.stats(container, stream=False, one_shot=True)["memory_stats"]
        details = stats.get("stats", {})
        cache = details.get("total_inactive_file", details.get("inactive_file", 0))
        return int(stats["usage"]) - int(cache)

    def cpu_seconds(self, container: str) -> float:
        """Seconds of CPU time that a container has used since it was started."""
        with engine_errors(f"read the CPU time of {container[:12]}"):
            stats = self._client.api.stats(container, stream=False, one_shot=True)["cpu_stats"]
        return int(stats["cpu_usage"]["total_usage"]) / 1e9

    def run_once(
        self,
        image: str,
        argv: Sequence[str],
        files: Sequence[File] = (),
        folder: str = "/",
        *,
        binds: Mapping[str, str] | None = None,
        network: bool = False,
    ) -> ExecResult:
        """Run a command in a temporary container, by default without network.

        `binds` are paths of this machine and where they are mounted, read-only.
        """
        with self._temporary(image, argv, files, folder, binds=binds, network=network) as container:
            code = self._client.api.wait(container)["StatusCode"]
            stdout, stderr = (
                bytes(self._client.api.logs(container, stdout=out, stderr=not out)).decode(
                    errors="replace"
                )
                for out in (True, False)
            )
        return ExecResult(code, stdout, stderr)

    def run_streaming(
        self, image: str, argv: Sequence[str], files: Sequence[File] = (), folder: str = "/"
    ) -> Iterator[str]:
        """As `run_once`, yielding each line as it is printed, until the caller stops reading."""
        with self._temporary(image, argv, files, folder) as container:
            rest = b""
            for piece in self._client.api.logs(container, stream=True, follow=True):
                *lines, rest = (rest + piece).split(b"\n")
                yield from (line.decode(errors="replace").rstrip("\r") for line in lines)
            if rest:
                yield rest.decode(errors="replace")

    @contextlib.contextmanager
    def _temporary(
        self,
        image: str,
        argv: Sequence[str],
        files: Sequence[File],
        folder: str,
        *,
        binds: Mapping[str, str] | None = None,
        network: bool = False,
    ) -> Iterator[str]:
        """Run a command in a container; yields its id, removes it at the end."""
        with engine_errors(f"run {argv[0]} in a container of {image}"):
            container = self._client.api.create_container(
                image,
                list(argv),
                network_disabled=not network,
                # Empty labels too: else those apply with which Compose built the image.
                labels={"hublab.once": "true", PROJECT: self._lab, SERVICE: "", ROLE: ""},
                host_config=self._client.api.create_host_config(
                    network_mode="bridge" if network else "none",
                    init=True,
                    binds=[f"{source}:{target}:ro" for source, target in (binds or {}).items()],
                ),
            )
            try:
                if files:
                    self._client.api.put_archive(container["Id"], folder, tar_of(files))
                self._client.api.start(container["Id"])
                yield container["Id"]
            finally:
                self._client.api.remove_container(container["Id"], force=True)

    def start_sidecar(
        self, lab: str, target: Container, image: Callable[[], str], kind: str = "sidecar"
    ) -> str:
        """Start the sidecar of a host: a container that may change the host's network namespace.

        The host itself stays unprivileged. Returns the sidecar's id. A sidecar of that kind that
        runs is used, unless its host has restarted since: then its network namespace is gone.
        """
        name = f"{target.name}-{kind}"
        # One at a time: a second caller would remove one that is created and does not run yet.
        lock = STARTING.setdefault(name, threading.Lock())
        with lock, engine_errors(f"start the sidecar of {target.service}"):
            api = self._client.api
            with contextlib.suppress(docker.errors.NotFound):
                found = api.inspect_container(name)
                shares = found["HostConfig"]["NetworkMode"] == f"container:{target.id}"
                host = api.inspect_container(target.id)["State"]["StartedAt"]
                if found["State"]["Running"] and shares and found["State"]["StartedAt"] >= host:
                    return str(found["Id"])
                api.remove_container(found["Id"], force=True)
            sidecar = api.create_container(
                image(),
                ["sleep", "infinity"],
                name=name,
                labels={PROJECT: lab, SERVICE: "", ROLE: "", SIDECAR: target.service},
                host_config=api.create_host_config(
                    network_mode=f"container:{target.id}", cap_add=["NET_ADMIN"], init=True
                ),
            )
            api.start(sidecar["Id"])
        return str(sidecar["Id"])

    # -- images -----------------------------------------------------------------

    def image_id(self, name: str) -> str | None:
        """The id of an image, None if the engine does not have it."""
        with engine_errors(f"look at image {name}"):
            try:
                return str(self._client.api.inspect_image(name)["Id"])
            except docker.errors.ImageNotFound:
                return None

    def tag_image(self, name: str, repository: str, tag: str) -> None:
        with engine_errors(f"tag image {name}"):
            self._client.api.tag(name, repository, tag, force=True)

    def import_image(self, path: str, repository: str, tag: str) -> None:
        """Create an image from a tar of a root file system."""
        with engine_errors(f"import {repository}:{tag}"), open(path, "rb") as stream:
            self._client.api.import_image_from_data(stream, repository=repository, tag=tag)

    def pull(self, name: str, timeout: float) -> bool:
        """Pull an image; returns whether a registry delivered it within `timeout` seconds."""
        try:
            done = subprocess.run(
                ["docker", "pull", "--quiet", name],
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except (subprocess.TimeoutExpired, FileNotFoundError):
            return False
        return done.returncode == 0

    def remove_images(self) -> list[str]:
        """Remove images that hublab built and no container uses; returns their names."""
        removed = []
        with engine_errors("remove images"):
            for image in self._client.api.images():
                for name in image.get("RepoTags") or []:
                    if name.startswith(BUILT) and not name.startswith("hublab-base:"):
                        with contextlib.suppress(docker.errors.APIError):
                            self._client.api.remove_image(name)
                            removed.append(name)
        return removed
