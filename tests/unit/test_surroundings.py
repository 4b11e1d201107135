"""Axes beside settings: topologies, faults, versions; and the order in which cases run."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hublab.cases.axis_check import (
    check_hosts,
    check_readers,
    check_versions,
    located,
    side_by_side,
)
from hublab.cases.fault_lines import LONGEST, FaultLine, parse_fault
from hublab.cases.matrix import Axis, cases, parse_axis
from hublab.cases.surroundings import known_versions
from hublab.deployment.plan import Plan
from hublab.errors import SettingError, UsageError
from hublab.matrix.plan import MatrixPlan
from hublab.topology.model import Host, Topology

USUAL, OLDER = known_versions()


@pytest.mark.parametrize(
    ("text", "line", "spelled"),
    [
        ("none", FaultLine("none"), "none"),
        ("freeze node1", FaultLine("freeze", ("node1",)), "freeze:node1"),
        ("partition:hub:node1", FaultLine("partition", ("hub", "node1")), "partition:hub:node1"),
        ("clock node1 3600", FaultLine("clock", ("node1",), 3600.0), "clock:node1:+3600"),
        ("freeze hub --for 500ms", FaultLine("freeze", ("hub",), 0, 0.5), "freeze:hub:--for:0.5s"),
    ],
)
def test_a_fault_is_a_line(text: str, line: FaultLine, spelled: str) -> None:
    assert parse_fault(text) == line
    assert str(line) == spelled
    assert parse_fault(spelled) == line
    assert parse_fault("freeze node1").seconds == LONGEST


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("topolgy=lab", "no axis 'topolgy'", "topology"),
        ("version=6.1.1", "no axis 'version'", "version.hub"),
        ("topology=lab+ngnix", "no topology 'ngnix'", "nginx"),
        ("topology=", "no topology ''", "lab"),
        ("version.hub=1.0", "no JupyterHub '1.0'", f"{USUAL} or {OLDER}"),
        ("fault=freze node1", "no fault 'freze'", "freeze HOST"),
        ("fault=freeze", "not a fault", "freeze HOST"),
        ("fault=partition hub", "not a fault", "partition ONE OTHER"),
        ("fault=clock hub soon", "no number", "+3600"),
        ("fault=freeze hub --for ever", "no time", "--for 6s"),
        ("fault=none,none", "'none' twice", None),
        ("topology=nginx,lab+nginx", "'lab+nginx' twice", None),
        ("fault=[1]", "needs a text", None),
        ("fault=[]", "no values", None),
    ],
)
def test_what_is_no_such_axis(text: str, said: str, hint: str | None) -> None:
    with pytest.raises(SettingError) as caught:
        parse_axis(text, where="--axis")
    assert said in caught.value.message
    assert caught.value.where == "--axis"
    assert hint is None or hint in str(caught.value.hint)


def test_a_case_has_settings_and_what_surrounds_them() -> None:
    axes = [
        parse_axis("hub.A.b=1"), parse_axis("fault=none,freeze node1"), parse_axis("topology=nginx")
    ]  # fmt: skip
    one, other = cases(axes)
    assert one.id == "topology=lab+nginx;fault=none;hub.A.b=1"
    assert dict(one.settings) == {"hub.A.b": "1"}
    assert other["fault"] == "freeze:node1"
    assert len(other) == 3
    assert other != one


@pytest.mark.parametrize(
    ("axes", "own", "files"),
    [
        ([], ("lab", "browser"), ("lab", "browser")),
        (["topology=postgres"], ("lab",), ("lab", "postgres")),
        (["topology=postgres"], ("lab", "browser"), ("lab", "postgres", "browser")),
        ([f"version.hub={USUAL}"], ("lab",), ("lab",)),
        ([f"version.hub={OLDER}"], ("lab",), ("lab", "older-hub")),
        ([f"version.server={OLDER}", "topology=lab"], ("lab",), ("lab", "older-nodes")),
    ],
)
def test_the_files_of_a_case(axes: list[str], own: tuple[str, ...], files: tuple[str, ...]) -> None:
    (case,) = cases([parse_axis(text) for text in axes])
    assert case.files(own) == files


def test_cases_run_in_the_order_that_changes_least() -> None:
    """Labs one after the other, then what restarts a program; else the user's order."""
    plan = MatrixPlan(
        (
            parse_axis("server.A.a=1,2"),
            parse_axis("fault=none,freeze node1"),
            parse_axis("hub.A.b=x,y"),
            parse_axis("topology=lab,nginx"),
        )
    )
    order = plan.in_order_of_change
    assert sorted(case.id for case in order) == sorted(case.id for case in plan.cases)

    def changes(*keys: str) -> int:
        said = [tuple(case[key] for key in keys) for case in order]
        return sum(one != other for one, other in pairwise(said))

    assert changes("topology") == 1
    assert changes("topology", "hub.A.b") == 3
    assert changes("topology", "hub.A.b", "server.A.a") == 7
    assert plan.labs == [("lab",), ("lab", "nginx")]
    assert plan.cases[0].id == order[0].id


def plan_with(*names: str) -> Plan:
    hosts = tuple(Host(name, name.rstrip("12"), "198.18.0.1", name, "") for name in names)
    return Plan((), "", Topology(hosts, {}))


@pytest.mark.parametrize(
    ("value", "said", "hint"),
    [
        ("freeze nod1", "no host nod1", "node1"),
        ("partition hub hub", "cut off from itself", "two different"),
    ],
)
def test_a_fault_needs_its_hosts_in_each_topology(value: str, said: str, hint: str) -> None:
    plans = {("lab",): plan_with("hub", "node1"), ("lab", "x"): plan_with("hub", "node1", "nod1")}
    with pytest.raises(SettingError, match=said) as caught:
        check_hosts(Axis.of("fault", [value], where="--axis"), plans)
    assert (caught.value.where, hint in str(caught.value.hint)) == ("--axis", True)


@pytest.mark.parametrize(
    ("files", "hosts", "said"),
    [
        (("lab", "onebox", "older-hub"), ("hub",), "proxy inside"),
        (("lab", "bastion", "older-nodes"), ("node1", "node2", "inner1"), ""),
    ],
)
def test_a_version_that_a_topology_cannot_have(
    files: tuple[str, ...], hosts: tuple[str, ...], said: str
) -> None:
    plan = Plan((), "", Topology(tuple(Host(n, "node", "198.18.0.1", n, "") for n in hosts), {}))
    with pytest.raises(UsageError, match=said or "inner1 would keep"):
        check_versions(files, plan)


def test_a_setting_that_no_host_reads() -> None:
    axis = Axis.of("sshd.MaxSessions", ["1"], where="m.toml: axes[0].values")
    plans = {("lab",): plan_with("node1"), ("lab", "x"): plan_with("hub")}
    with pytest.raises(SettingError, match=r"no host of topology lab\+x reads sshd\.MaxSessions"):
        check_readers(axis, plans)


def test_values_of_several_axes_are_checked_together() -> None:
    axes = [parse_axis("sshd.A=1,2"), parse_axis("sshd.B=x")]
    assert side_by_side(axes) == [{"sshd.A": "1", "sshd.B": "x"}, {"sshd.A": "2"}]
    error = SettingError("no such keyword", where="sshd.B")
    assert located(error, [Axis.of("sshd.B", ["x"], where="--axis")]).where == "--axis"
