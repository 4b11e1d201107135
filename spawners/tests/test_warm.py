"""Servers that are forks of a parent, with a real sshd, a real hub, and root's parent."""

from __future__ import annotations

import http.cookiejar
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machinery import Account, Hub, wait_until
from warm_parent import Parent, running

pytestmark = pytest.mark.sshd


@pytest.fixture
def parent() -> Iterator[Parent]:
    with running() as one:
        yield one


def ask(one: Hub, state: dict[str, object], user: str, path: str, body: object = None) -> int:
    """The status of a request to the server itself."""
    token = one.api("POST", f"/users/{user}/tokens", {"note": "test"})[1]["token"]
    request = urllib.request.Request(
        f"http://{state['address']}:{state['port']}/user/{user}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_start_use_stop(
    parent: Parent, hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """It answers a POST, which a server that was forked too early or too late does not."""
    alice = account()
    one = hub(parent.settings)
    one.spawn(alice.name)
    assert "starts cold" not in one.log.read_text()
    state = one.state(alice.name)
    keeper = Path(f"/proc/{state['pid']}/stat").read_text().rpartition(")")[2].split()[1]
    assert parent.process
    assert Path(f"/proc/{keeper}/stat").read_text().rpartition(")")[2].split()[1] == str(
        parent.process.pid
    )
    # as the account, for a container's root may not look
    look = ["runuser", "-u", alice.name, "--", "cat", f"/proc/{state['pid']}/environ"]
    seen = subprocess.run(look, check=True, capture_output=True).stdout.split(b"\0")
    assert f"JUPYTERHUB_USER={alice.name}".encode() in seen
    assert ask(one, state, alice.name, "/api/contents", {"type": "notebook"}) == 201
    assert ask(one, state, alice.name, "/api/kernels", {"name": "python3"}) == 201
    one.stop(alice.name)
    wait_until(lambda: not alice.processes(), message=lambda: f"left: {alice.processes()}")
    assert parent.process.poll() is None


def sign_in(one: Hub, user: str) -> None:
    """As a browser does."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    url = f"http://127.0.0.1:{one.port}/hub/login"
    with browser.open(url) as page:
        xsrf = next(cookie.value or "" for cookie in jar if cookie.name == "_xsrf")
        assert page.status == 200
    form = {"_xsrf": xsrf, "username": user, "password": "any"}
    with browser.open(f"{url}?next=/hub/home", urllib.parse.urlencode(form).encode()) as page:
        assert page.url.endswith("/hub/home")


USER = "c.SSHSpawner.warm_start = 'user'\nc.Authenticator.post_auth_hook = prewarm_after_sign_in\n"
HOOK = "from jupyterhub_sshspawner import prewarm_after_sign_in\n"


def parents(alice: Account) -> list[int]:
    return list(alice.processes("warm parent"))


def test_a_parent_of_the_user_s_own(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Started at the sign-in, and once only; it needs no privilege and no service."""
    alice = account()
    one = hub(HOOK + USER)
    one.add_user(alice.name)
    sign_in(one, alice.name)
    wait_until(lambda: parents(alice), message=one.tail)
    sign_in(one, alice.name)
    one.spawn(alice.name)
    assert "starts cold" not in one.log.read_text()
    assert len(parents(alice)) == 1
    state = one.state(alice.name)
    assert ask(one, state, alice.name, "/api/kernels", {"name": "python3"}) == 201
    one.stop(alice.name)
    wait_until(lambda: len(alice.processes()) == 1, message=lambda: f"left: {alice.processes()}")


def test_without_a_parent_it_starts_cold(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """And the log says why; the user notices nothing."""
    alice = account()
    one = hub("c.SSHSpawner.warm_start = 'user'\n")
    one.spawn(alice.name)
    assert "starts cold: no parent at" in one.log.read_text()
