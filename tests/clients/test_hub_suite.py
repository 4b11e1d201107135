"""JupyterHub's own tests of spawners and proxies, with this spawner and with a lab's proxy.

They come with JupyterHub's wheel. Its spawners for tests are put on top of SSHSpawner, with a stock
sshd as the node (compose/images/suite/theirs.py). A test that needs something else than
the interface of a spawner fails, and stands below with the reason; one that passes must not.
"""

from __future__ import annotations

import os
import subprocess
import xml.etree.ElementTree as ET

import pytest

from hublab.engine import Engine, build_target
from hublab.machine.authorities import authorities
from hublab.machine.base_image import choose_base
from hublab.paths import ROOT
from hublab.running import programs
from hublab.running.lab import PROXY_TOKEN
from hublab.testcontainers import HubLab

TARGET = "hub-suite"
SECONDS = 1200
STATE = (
    "compares the spawner's state, which is any dict of its own (Spawner.get_state), with the pid "
    "that LocalProcessSpawner keeps"
)
STATUS = (
    "expects the status of a signal as Popen has it, -15; SSHSpawner has a shell's, 128 + 15. "
    "Spawner.poll promises an integer"
)
NOT_THIS_SPAWNER = {
    "test_stop_spawner_sigint_fails": STATUS,
    "test_stop_spawner_stop_now": STATUS,
    "test_spawner_poll": "looks at spawner.proc, the process of a LocalProcessSpawner",
    "test_popen_kwargs": "popen_kwargs are LocalProcessSpawner's",
    "test_default_server": STATE,
    "test_create_or_start_named_server": STATE,
}
"""Test -> why it fails with any spawner whose servers are on another host."""
NOT_THIS_PROXY = {
    "test_external_proxy": "starts, stops and replaces the proxy as a process of its own",
    "test_proxy_bind_ip": "starts its own proxy",
}
"""Tests that do not ask the lab's proxy, and are left out with it."""


@pytest.fixture(scope="module")
def image() -> str:
    base = choose_base(Engine.connect(), print)
    return build_target(ROOT, TARGET, base, authorities(), lambda line: None)


Outcomes = dict[str, set[str]]
"""Test without its parameters -> what its cases came to: `passed`, `failed`, `skipped`."""


def run(
    image: str, *modules: str, chosen: str = "", options: tuple[str, ...] = (), token: str = ""
) -> Outcomes:
    """Run modules of JupyterHub's tests in a container that is removed at the end."""
    names = [f"jupyterhub.tests.{module}" for module in modules]
    argv = ["docker", "run", "--rm", "--init", "--label", "hublab.once=true", *options, image]
    names += ["-k", chosen] if chosen else []
    environment = {**os.environ, "CONFIGPROXY_AUTH_TOKEN": token}
    done = subprocess.run(
        [*argv, *names], env=environment, capture_output=True, text=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip
    assert done.stdout.lstrip().startswith("<?xml"), done.stderr[-3000:]
    found: Outcomes = {}
    for case in ET.fromstring(done.stdout.strip()).iter("testcase"):
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        outcome = "skipped" if kinds == {"skipped"} else "failed" if kinds else "passed"
        found.setdefault(case.attrib["name"].partition("[")[0], set()).add(outcome)
    return found


def failing(outcomes: Outcomes) -> set[str]:
    return {test for test, seen in outcomes.items() if "failed" in seen}


def test_their_tests_of_spawners(image: str) -> None:
    """Starts, stops, tokens, scopes, groups, options and named servers, all over SSH."""
    outcomes = run(image, "test_spawner", "test_named_servers")
    assert failing(outcomes) == set(NOT_THIS_SPAWNER), outcomes
    for test in ("test_single_user_spawner", "test_spawner_reuse_api_token", "test_shell_cmd"):
        assert outcomes[test] == {"passed"}, test
    assert len([test for test, seen in outcomes.items() if "passed" in seen]) >= 35


def test_their_tests_of_the_proxy(image: str) -> None:
    """Their hub stands in for the lab's on a host of its own, and uses the lab's proxy."""
    with HubLab() as lab:
        programs.kill_if_up(lab.lab, "hub")
        options = ("--network", f"{lab.lab.name}_lab", "--env", "HUBLAB_PROXY=proxy")
        outcomes = run(
            image,
            "test_proxy",
            chosen=" and ".join(f"not {test}" for test in NOT_THIS_PROXY),
            options=(*options, "--env", "CONFIGPROXY_AUTH_TOKEN"),
            token=lab.lab.secret(PROXY_TOKEN),
        )
    assert not failing(outcomes), outcomes
    for test in ("test_check_routes", "test_extra_routes", "test_add_get_delete"):
        assert "passed" in outcomes[test], test
