"""From settings to values: templates, and what a callable returns."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from jupyterhub_sshspawner import SSHSpawner, places, resolve
from jupyterhub_sshspawner.choice.hosts import Host
from jupyterhub_sshspawner.errors import Misconfigured

NO_TEMPLATES = ["{0}", "{}", "{nope}", "{", "}", "{username.x}", "{host.x}"]
bad = pytest.mark.parametrize("text", NO_TEMPLATES)


def made(**settings: Any) -> Any:
    return SSHSpawner(user=SimpleNamespace(name="bob"), **settings)


def account(host: Host | None = None, **settings: Any) -> str:
    return asyncio.run(resolve.account(made(**settings), host or Host("node1")))


def test_an_account_by_template() -> None:
    assert account() == "bob"
    assert account(ssh_username="lab-{username}") == "lab-bob"
    assert account(Host("node1", username="{username}2"), ssh_username="other") == "bob2"


@bad
def test_a_callable_s_account_is_taken_as_it_is(text: str) -> None:
    async def later(spawner: object) -> str:
        return text

    assert account(ssh_username=lambda spawner: text) == text
    assert account(ssh_username=later) == text


@bad
def test_a_template_that_is_none_is_named(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"SSHSpawner\.ssh_username: .* known is {username}"):
        account(ssh_username=text)
    with pytest.raises(Misconfigured, match=r"SSHSpawner\.hosts: username"):
        account(Host("node1", username=text))
    with pytest.raises(Misconfigured, match=r"SSHSpawner\.connect_address: .* known is {host}"):
        places._server_address(made(connect_address=text), Host("node1"))
    with pytest.raises(Misconfigured, match=r"SSHSpawner\.hosts: connect_address"):
        places._server_address(made(), Host("node1", connect_address=text))


def test_a_server_s_address_by_template() -> None:
    spawner = made(connect_address="{host}.inside")
    assert places._server_address(spawner, Host("node1")) == "node1.inside"
    assert places._server_address(made(), Host("node1")) == ""


def test_an_account_that_is_no_part_of_a_path_has_no_fall_back() -> None:
    """As with winbind: DOMAIN/alice."""
    spawner = made()
    assert resolve.remote_path(spawner, "run_dir_fallback", "LAB/alice") == ""
    assert resolve.remote_path(spawner, "run_dir", "LAB/alice") == "~/.jupyterhub-ssh"
    spawner.run_dir = "/scratch/{ssh_username}"
    with pytest.raises(Misconfigured, match="'LAB/alice' cannot be part"):
        resolve.remote_path(spawner, "run_dir", "LAB/alice")


@pytest.mark.parametrize("certs", [lambda spawner: [None], lambda spawner: [b"x"]])
def test_certificates_are_texts(certs: Any) -> None:
    spawner = made(ssh_client_certs=certs, known_hosts="/dev/null")
    with pytest.raises(Misconfigured, match="ssh_client_certs must be"):
        asyncio.run(resolve.access(spawner, "bob"))
