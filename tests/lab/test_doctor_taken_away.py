"""`hublab doctor` on this machine with one thing after another really taken away.

Each is hidden in a mount namespace of the command's own: a file under an empty one, a folder
under a small file system. What cannot be taken from a running machine, another Python and an
older engine, has unit tests.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from lifecycle import HUBLAB

from hublab.machine.authorities import authorities

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can give a command a machine of its own"
)

BIND = 'mount --bind "$1" "$2"'
SMALL = 'mount -t tmpfs -o size=1g none "$2"'
RESTRICTED = "nobody"
KERNEL = Path("/proc/config.gz")


@dataclass(frozen=True)
class Taken:
    """A thing that is taken away, and what `doctor` then says."""

    capability: str
    state: str
    detail: str
    needed_by: str
    stops: bool = True
    """Whether no lab can be brought up then."""


def without(*mounts: tuple[str, str, str], **environment: str) -> tuple[int, dict[str, object]]:
    """Exit code and document of `doctor --json` where some places look otherwise."""
    steps = [f"set -- '{source}' '{target}' && {how}" for how, source, target in mounts]
    script = " && ".join([*steps, 'exec "$HUBLAB_PYTHON" -m hublab doctor --json'])
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        env={**os.environ, "HUBLAB_PYTHON": HUBLAB[0], **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def check(expected: Taken, code: int, document: dict[str, object]) -> None:
    """Only this one is missed, with what then cannot run, and the way to get it."""
    rows = {row["name"]: row for row in document["capabilities"]}  # type: ignore[attr-defined]
    row = rows[expected.capability]
    assert row["state"] == expected.state
    assert expected.detail in row["detail"]
    assert row["needed_by"] == expected.needed_by
    assert row["remedy"]
    assert document["ready"] is not expected.stops
    assert code == (3 if expected.stops else 0)
    if expected.stops:
        assert f"it lacks: {expected.capability} (" in str(document["missing"])


def test_nothing_is_missed_where_nothing_is_taken() -> None:
    code, document = without()
    assert (code, document["ready"]) == (0, True)


def test_no_engine(tmp_path: Path) -> None:
    code, document = without(DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    check(Taken("Docker engine", "missing", "no such socket", "every lab"), code, document)


def test_no_permission_on_the_engine_s_socket(tmp_path: Path) -> None:
    socket = Path("/var/run/docker.sock")
    if os.environ.get("DOCKER_HOST") or not socket.exists():
        pytest.skip("the engine here is not at the usual socket")
    # Root may read anything, so the command runs as another user; its own files are copied
    # nowhere, for that user can read this checkout or the test says that it cannot.
    command = ["setpriv", f"--reuid={RESTRICTED}", "--regid=nogroup", "--clear-groups"]
    done = subprocess.run(
        [*command, *HUBLAB, "doctor", "--json"],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if not done.stdout:
        pytest.skip(f"{RESTRICTED} cannot run this checkout: {done.stderr.strip()[-200:]}")
    document = json.loads(done.stdout)
    check(Taken("Docker engine", "missing", "permission", "every lab"), done.returncode, document)
    root = next(row for row in document["capabilities"] if row["name"] == "root")
    assert (root["state"], root["needed_by"]) == ("missing", "hublab doctor --fix")


def test_nothing_to_make_a_base_image_from(tmp_path: Path) -> None:
    """Neither an image nor the tool that makes one: then only a registry may have it."""
    empty, tool = tmp_path / "empty", shutil.which("mmdebstrap")
    empty.write_bytes(b"")
    hidden = [(BIND, str(empty), tool)] if tool else []
    _, document = without(*hidden, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    rows = {row["name"]: row for row in document["capabilities"]}  # type: ignore[attr-defined]
    assert rows["base image"]["state"] == "unknown"
    assert rows["base image"]["detail"] == "pulled if a registry has debian:trixie-slim"


def test_no_docker_command(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    found = {str(p / "docker") for p in map(Path, os.get_exec_path()) if (p / "docker").is_file()}
    code, document = without(*((BIND, str(empty), path) for path in sorted(found)))
    rows = {row["name"]: row for row in document["capabilities"]}  # type: ignore[attr-defined]
    assert (code, rows["docker command"]["state"]) == (3, "missing")
    assert rows["docker command"]["detail"] == "not on PATH"
    # Its plugins are of no use without it.
    assert rows["Compose >= 2.20"]["state"] == rows["BuildKit (buildx)"]["state"] == "missing"


@pytest.mark.parametrize(
    ("plugin", "capability", "needed_by"),
    [
        ("docker-compose", "Compose >= 2.20", "hublab up and down"),
        ("docker-buildx", "BuildKit (buildx)", "building the hosts' images"),
    ],
)
def test_no_plugin(tmp_path: Path, plugin: str, capability: str, needed_by: str) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    home = Path(os.environ.get("DOCKER_CONFIG", Path.home() / ".docker"))
    folders = [home / "cli-plugins"]
    folders += [
        Path(base, "docker/cli-plugins")
        for base in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
    ]
    places = [str(folder / plugin) for folder in folders if (folder / plugin).exists()]
    assert places
    code, document = without(*((BIND, str(empty), place) for place in places))
    expected = Taken(capability, "missing", "no such plugin of the docker command", needed_by)
    check(expected, code, document)


def test_no_authorities() -> None:
    bundle = authorities()
    code, document = without(SSL_CERT_FILE="", HUBLAB_CA=os.devnull)
    expected = Taken(
        "TLS authorities",
        "missing",
        "no bundle",
        "building images behind a proxy that inspects TLS",
        stops=False,
    )
    assert bundle != os.devnull
    check(expected, code, document)


def test_little_memory(tmp_path: Path) -> None:
    view = tmp_path / "meminfo"
    view.write_text("MemTotal: 1048576 kB\nMemFree: 262144 kB\nMemAvailable: 524288 kB\n")
    code, document = without((BIND, str(view), "/proc/meminfo"))
    expected = Taken(
        "memory", "missing", "0.5 GiB available", "a lab of five hosts with two servers (2 GiB)"
    )
    check(expected, code, document)


def test_little_disk() -> None:
    folder = Path("/var/lib/docker")
    if not folder.is_dir():
        pytest.skip("the engine here keeps its files elsewhere")
    code, document = without((SMALL, "none", str(folder)))
    expected = Taken(
        "disk", "missing", f"1.0 GiB free under {folder}", "images and their build cache (5 GiB)"
    )
    check(expected, code, document)


def test_a_clock_that_is_wrong(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    shutil.copy("/etc/os-release", release)
    ahead = time.time() + 10 * 24 * 3600
    os.utime(release, (ahead, ahead))
    code, document = without((BIND, str(release), str(Path("/etc/os-release").resolve())))
    expected = Taken(
        "clock", "missing", "before this system's own files", "TLS and package signatures"
    )
    check(expected, code, document)


@pytest.mark.parametrize(
    ("options", "capability", "detail", "needed_by"),
    [
        (["NF_TABLES"], "nftables", "no nf_tables", "hublab fault partition"),
        (
            ["NETFILTER_NETLINK_QUEUE"],
            "NFQUEUE",
            "no nfnetlink_queue",
            "nothing yet: delays, where netem is missing",
        ),
        (["NET_SCH_NETEM"], "netem", "no sch_netem", "nothing yet: delays"),
        (["VXLAN"], "overlay networks", "no vxlan", "nothing yet: a lab over several engines"),
    ],
)
def test_a_kernel_that_lacks_a_feature(
    tmp_path: Path, options: list[str], capability: str, detail: str, needed_by: str
) -> None:
    """The kernel stays; what it says of itself lacks the feature, and no module has it."""
    if not KERNEL.exists() or Path("/lib/modules", os.uname().release).exists():
        pytest.skip("this kernel tells its features by its modules too")
    lines = gzip.decompress(KERNEL.read_bytes()).decode().splitlines()
    kept = [line for line in lines if not any(line.startswith(f"CONFIG_{o}=") for o in options)]
    lesser, none = tmp_path / "config.gz", tmp_path / "modules"
    lesser.write_bytes(gzip.compress("\n".join(kept).encode()))
    none.write_text("")
    loaded = [(BIND, str(none), "/proc/modules")] if Path("/proc/modules").exists() else []
    code, document = without((BIND, str(lesser), str(KERNEL)), *loaded)
    check(Taken(capability, "missing", detail, needed_by, stops=False), code, document)
