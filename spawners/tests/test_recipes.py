"""What the pages for administrators show is accepted, and does what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import jupyterhub
import pytest
from machinery import TINY, Account, Hub, Sshd
from test_spawn_page import Browser
from traitlets.config import Config

from jupyterhub_sshspawner import SSHSpawner
from jupyterhub_sshspawner.choice import overrides

DOCS = Path(__file__).parents[1] / "docs"
RECIPES, PRODUCTION = ((DOCS / name).read_text() for name in ("recipes.md", "production.md"))


def section(page: str, title: str) -> str:
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(text: str) -> list[str]:
    found: list[str] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return found


def block(page: str, title: str) -> str:
    return blocks(section(page, title))[0]


def here(sshd: Sshd) -> str:
    """Lines that put all hosts of a recipe onto the test's node."""
    return f"""
recipes_hosts = c.SSHSpawner.hosts
def hosts_here(spawner):
    names = recipes_hosts(spawner) if callable(recipes_hosts) else recipes_hosts
    return [dict(name=name, address="127.0.0.1", port={sshd.port}) for name in names]
c.SSHSpawner.hosts = hosts_here
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 10, "slow_stop_timeout": 10}}
"""


@pytest.mark.parametrize("text", [*blocks(RECIPES), *blocks(PRODUCTION)])
def test_configurations_are_accepted(text: str) -> None:
    config = Config()
    exec(text, {"c": config})
    spawner = SSHSpawner(config=config)
    unused = set(config.SSHSpawner) - set(spawner.trait_names(config=True))
    assert not unused


def test_the_page_names_what_a_profile_may_set() -> None:
    listed = section(RECIPES, "Profiles on the spawn page").split("`spawner_override` may have")[1]
    assert set(re.findall(r"`(\w+)`", listed.split(":")[0])) == set(overrides.ALLOWED)


@pytest.mark.sshd
def test_profiles_as_the_page_has_them(
    hub: Callable[..., Hub], account: Callable[..., Account], sshd: Sshd
) -> None:
    """The configuration, the bodies of its requests, and its link."""
    alice = account()
    one = hub(TINY + block(RECIPES, "Profiles on the spawn page") + here(sshd))
    page = section(RECIPES, "Profiles on the spawn page")
    bodies = [json.loads(body) for body in re.findall(r"-d '(.*?)' https", page)]
    got = []
    for body in bodies:
        one.spawn(alice.name, options=body)
        got.append((one.state(alice.name)["host"], alice.environment()[b"CUDA_VISIBLE_DEVICES"]))
        one.stop(alice.name)
    assert got == [("gpu1", b"1"), ("gpu1", b"0,1")]
    link = re.search(r"https://hub.example/hub(/spawn\?\S+)`", page)
    assert link
    Browser(one, alice.name).get(
        link[1] if jupyterhub.version_info >= (6,) else link[1].replace("opt-", "")
    )
    one.wait_ready(alice.name)
    assert alice.environment()[b"CUDA_VISIBLE_DEVICES"] == b"1"
    one.stop(alice.name)
    one.spawn(alice.name, options={"profile": "standard"})
    assert one.state(alice.name)["host"] in ("node1", "node2")
    assert b"CUDA_VISIBLE_DEVICES" not in alice.environment()


@pytest.mark.sshd
def test_groups_a_form_and_limits_as_the_pages_have_them(
    hub: Callable[..., Hub], account: Callable[..., Account], sshd: Sshd
) -> None:
    """Together, since they concern different settings."""
    alice, bob = account(), account()
    one = hub(
        TINY
        + block(RECIPES, "Hosts by group")
        + block(RECIPES, "A form of your own")
        + block(PRODUCTION, "Limits")
        + here(sshd)
        + "c.SSHSpawner.host_policy = lambda spawner, names: names[::-1]\n"
        + f"c.JupyterHub.load_groups = {{'research': {{'users': ['{alice.name}']}}}}\n"
    )
    status, page = Browser(one, alice.name).get("/spawn")
    assert (status, '<option value="ml">Machine learning</option>' in page) == (200, True)
    assert one.request_start(alice.name, options={"course": "none"})[0] == 400
    one.spawn(alice.name, options={"course": "ml"})
    one.spawn(bob.name, options={})
    assert (one.state(alice.name)["host"], one.state(bob.name)["host"]) == ("big2", "node2")
    assert [user.environment()[b"COURSE"] for user in (alice, bob)] == [b"ml", b"intro"]
    limits = Path(f"/proc/{one.state(alice.name)['pid']}/limits").read_text()
    size = str(8 * 1024**3)
    (space,) = (line.split() for line in limits.splitlines() if "address space" in line)
    assert space[3:5] == [size, size], "soft and hard"
