"""The spawn page and the REST API with profiles, against a real hub and sshd."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from urllib.parse import urlencode

import pytest
from machinery import TINY, Account, Hub

pytestmark = pytest.mark.sshd

CONFIG = """
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 10, "slow_stop_timeout": 10}
c.SSHSpawner.hosts.append(dict(c.SSHSpawner.hosts[0], name="gpu1", environment={"CARD": "none"}))
c.SSHSpawner.environment = {"SITE": "all"}

async def profiles(spawner):
    cards = {
        "0": {"display_name": "the first"},
        "1": {"display_name": "the second", "spawner_override": {"environment": {"CARD": "1"}}},
    }
    own = {
        "enabled": True,
        "validation_regex": "[0-9],[0-9]",
        "validation_message": "two numbers with a comma",
        "spawner_override": {
            "environment": {"CARD": "{value}"}, "prologue": "export ASKED={value}",
        },
    }
    return [
        {"display_name": "Plain & <i>simple</i>", "slug": "plain",
         "spawner_override": {"hosts": "node1"}},
        {"display_name": "GPU",
         "spawner_override": {"hosts": ["gpu1"], "environment": {"CARD": "0"},
                              "prologue": "export FOUND=yes"},
         "profile_options": {"card": {"choices": cards, "unlisted_choice": own}}},
    ]

c.SSHSpawner.profile_list = profiles
"""


class Browser:
    """Signed in by the hub's own form."""

    def __init__(self, hub: Hub, user: str) -> None:
        self.base = f"http://127.0.0.1:{hub.port}/hub"
        self.jar = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.get("/login")
        self.post("/login?next=/hub/home", username=user, password="x")

    def get(self, path: str) -> tuple[int, str]:
        return self._open(urllib.request.Request(self.base + path))

    def post(self, path: str, **fields: str) -> tuple[int, str]:
        xsrf = next(one.value for one in self.jar if one.name == "_xsrf" and one.path == "/hub/")
        body = urlencode({**fields, "_xsrf": xsrf}).encode()
        return self._open(urllib.request.Request(self.base + path, body))

    def _open(self, request: urllib.request.Request) -> tuple[int, str]:
        request.add_header("Sec-Fetch-Mode", "navigate")
        try:
            with self.opener.open(request, timeout=60) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.mark.report("jupyterhub/kubespawner#546")
def test_the_page_offers_profiles_and_starts_what_is_chosen(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Fields as KubeSpawner's (``options_from_form``). What one start sets the next has not: the
    profile is another one, and once more after a restart of the hub (kubespawner#546, #691)."""
    alice = account()
    one = hub(TINY + CONFIG)
    browser = Browser(one, alice.name)
    status, page = browser.get("/spawn")
    assert status == 200
    assert "Plain &amp; &lt;i&gt;simple&lt;/i&gt;" in page
    assert set(re.findall(r'name="(profile[^"]*)"', page)) == {
        "profile", "profile-option-gpu--card", "profile-option-gpu--card--unlisted-choice",
    }  # fmt: skip
    fields = {
        "profile": "gpu",
        "profile-option-gpu--card": "unlisted-choice",
        "profile-option-gpu--card--unlisted-choice": "0;1",
    }
    status, page = browser.post("/spawn", **fields)
    assert status == 400
    assert "two numbers with a comma" in page
    assert not (alice.home / "environment").exists()
    browser.post("/spawn", **{**fields, "profile-option-gpu--card--unlisted-choice": "0,1"})
    one.wait_ready(alice.name)
    assert one.state(alice.name)["host"] == "gpu1"
    got = alice.environment()
    assert (got[b"CARD"], got[b"ASKED"], got[b"SITE"]) == (b"0,1", b"0,1", b"all")
    assert b"FOUND" not in got
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    one.stop(alice.name)
    alice.check_gone()
    one.spawn(alice.name, options={"profile": "gpu"})
    assert {name: alice.environment()[name] for name in (b"CARD", b"FOUND")} == {
        b"CARD": b"0", b"FOUND": b"yes",
    }  # fmt: skip
    one.stop(alice.name)
    one.spawn(alice.name, options={"profile": "plain"})
    assert one.state(alice.name)["host"] == "node1"
    assert not {b"CARD", b"ASKED", b"FOUND"} & set(alice.environment())


REFUSED: dict[str, list[object]] = {
    "choose one of: plain, gpu": [{"profile": "large"}, {"profile": {"slug": "gpu"}}],
    "no such option": [{"profile": "plain", "card": "1"}, {"profile": "gpu", "hosts": ["node1"]}],
    "choose one of: 0, 1": [{"profile": "gpu", "card": "2"}],
    "two numbers with a comma": [{"profile": "gpu", "card--unlisted-choice": "$(id)"}],
}


def test_the_rest_api_takes_nothing_that_is_not_offered(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account()
    one = hub(TINY + CONFIG)
    for said, tries in REFUSED.items():
        for options in tries:
            status, reply = one.request_start(alice.name, options=options)
            assert (status, said in str(reply)) == (400, True), (options, reply)
    assert not (alice.home / "environment").exists()


def test_a_wrong_profile_is_the_administrators(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Not the user's 400, on the page and by REST."""
    alice = account()
    wrong = '[{"display_name": "P", "spawner_override": {"known_hosts": ""}}]'
    one = hub(TINY + CONFIG + f"c.SSHSpawner.profile_list = {wrong}\n")
    status, reply = one.request_start(alice.name)
    assert status in (424, 500)
    assert "a profile cannot set known_hosts" in str(reply)
    status, page = Browser(one, alice.name).get("/spawn")
    assert status in (424, 500)
    assert "a profile cannot set known_hosts" in page
