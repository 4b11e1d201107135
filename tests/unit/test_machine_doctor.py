"""`hublab doctor`: its table, its document, its exit codes, and its rows one by one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from hublab.cli import doctor as doctor_module
from hublab.cli.doctor import doctor
from hublab.engine import Engine
from hublab.errors import MachineError
from hublab.machine import capabilities
from hublab.machine.capabilities import Capability
from hublab.machine.kernel import Kernel, Modules
from hublab.machine.preparation import Step

GOOD = Capability("disk", True, "9 GiB free", "images", "make room", required=True)
BAD = Capability("Compose", False, "none", "hublab up", "hublab doctor --fix", required=True)
FULL = Capability("disk", False, "1 GiB free", "images", "make room", required=True)
WISH = Capability("netem", False, "no sch_netem", "delay", "another kernel")
UNKNOWN = Capability("base", None, "perhaps", "images", "hublab doctor --fix", required=True)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Capability]:
    rows: list[Capability] = []
    monkeypatch.setattr(doctor_module, "connect", lambda: MachineError("none"))
    monkeypatch.setattr(doctor_module, "probe", lambda *_: rows)
    monkeypatch.setattr(doctor_module, "probe_needed", lambda *_: rows)
    monkeypatch.setattr(doctor_module, "plan", lambda *_: [])
    return rows


def test_a_wish_or_something_unknown_stops_nobody(seen: list[Capability]) -> None:
    seen += [GOOD, WISH, UNKNOWN]
    done = CliRunner().invoke(doctor)
    assert done.exit_code == 0
    for word in ("ok", "missing", "unknown", "9 GiB free", "netem: another kernel"):
        assert word in done.stdout


def test_what_is_missing_is_named_with_all_remedies(seen: list[Capability]) -> None:
    seen += [BAD, FULL, WISH]
    done = CliRunner().invoke(doctor)
    assert isinstance(done.exception, MachineError)
    assert str(done.exception).splitlines() == [
        "this machine cannot run a lab yet, it lacks: Compose (none); disk (1 GiB free)",
        "  hint: `hublab doctor --fix` gets it",
        "        make room",
    ]


@pytest.mark.parametrize(("rows", "code"), [([GOOD], 0), ([BAD], 3)])
def test_one_document(seen: list[Capability], rows: list[Capability], code: int) -> None:
    seen += rows
    done = CliRunner().invoke(doctor, ["--json"])
    document = json.loads(done.stdout)
    assert done.exit_code == code
    assert document["ready"] is (code == 0)
    assert document["capabilities"][0]["state"] == rows[0].state
    assert (document["missing"] is None) is (code == 0)


def test_quiet_where_nothing_is_to_do(seen: list[Capability]) -> None:
    seen += [GOOD]
    done = CliRunner().invoke(doctor, ["--fix", "--quiet"])
    assert (done.exit_code, done.output) == (0, "")


def test_each_step_is_told_and_timed(
    seen: list[Capability], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen += [GOOD]
    ran: list[str] = []
    steps = [Step("start the engine", ("dockerd &",), lambda progress: ran.append("started"))]
    monkeypatch.setattr(doctor_module, "plan", lambda *_: steps)
    done = CliRunner().invoke(doctor, ["--fix"])
    assert ran == ["started"]
    assert [line.strip() for line in done.stderr.splitlines()] == [
        "[1/1] start the engine",
        "dockerd &",
        "done in 0.0 s",
    ]


def test_a_dry_run_does_nothing(seen: list[Capability], monkeypatch: pytest.MonkeyPatch) -> None:
    def never(progress: object) -> None:
        raise AssertionError("a dry run ran something")

    monkeypatch.setattr(doctor_module, "plan", lambda *_: [Step("a step", ("a command",), never)])
    done = CliRunner().invoke(doctor, ["--fix", "--dry-run"])
    assert done.stdout.splitlines() == ["[1/1] a step", "        a command"]
    as_json = CliRunner().invoke(doctor, ["--fix", "--dry-run", "--json"])
    assert json.loads(as_json.stdout) == [{"step": "a step", "commands": ["a command"]}]


def test_options_that_need_fix() -> None:
    assert CliRunner().invoke(doctor, ["--dry-run"]).exit_code == 2


@pytest.mark.parametrize(("version", "ok"), [((3, 11, 0), True), ((3, 10, 9), False)])
def test_python(version: tuple[int, int, int], ok: bool) -> None:
    assert capabilities.python_version(version).ok is ok


@pytest.mark.parametrize(("gib", "ok"), [(3.0, True), (1.0, False), (None, None)])
def test_memory(gib: float | None, ok: bool | None) -> None:
    assert capabilities.memory(gib).ok is ok


def test_available_memory(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 8388608 kB\nMemAvailable:    3145728 kB\n")
    assert capabilities.available_memory(meminfo) == 3.0
    assert capabilities.available_memory(tmp_path / "none") is None


def test_a_clock_before_the_systems_own_files(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.touch()
    os.utime(release, (4e9, 4e9))
    assert capabilities.clock(4e9 + 1, release).ok is True
    assert capabilities.clock(4e9 - 2 * 86400, release).ok is False


def test_no_engine_is_told_in_its_own_words() -> None:
    row = capabilities.docker_api(MachineError("no permission", hint="run as root"))
    assert (row.ok, row.detail, row.remedy) == (False, "no permission", "run as root")


@pytest.mark.parametrize(("api", "ok"), [("1.41", True), ("1.52", True), ("1.40", False)])
def test_api_version(api: str, ok: bool) -> None:
    class Answering(Engine):
        def version(self) -> dict[str, object]:
            return {"Version": "0", "ApiVersion": api}

    assert capabilities.docker_api(Answering(None, "unix:///x")).ok is ok


@pytest.mark.parametrize(
    ("features", "states"),
    [
        ({"NF_TABLES": "y", "NFT_NUMGEN": "y", "NFT_REJECT": "y"}, [True, False, False, False]),
        ({"NET_SCH_NETEM": "y"}, [False, False, True, False]),
        ({"VXLAN": "y", "BRIDGE": "y", "VETH": "y"}, [False, False, False, True]),
        (None, [None, None, None, None]),
    ],
)
def test_kernel(features: dict[str, str] | None, states: list[bool | None]) -> None:
    kernel = Kernel(features, Modules(frozenset(), complete=False))
    assert [row.ok for row in capabilities.kernel_capabilities(kernel)] == states
