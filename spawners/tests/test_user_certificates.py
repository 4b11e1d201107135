"""SSH certificates as text: from ``auth_state``, for the hub's key, and what is wrong with some."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncssh
import pytest
from machinery import TINY, Account, Hub, Sshd
from test_spawn_page import Browser

from jupyterhub_sshspawner import SSHSpawner, resolve
from jupyterhub_sshspawner.errors import AuthenticationRefused, Misconfigured
from jupyterhub_sshspawner.ssh import trust
from jupyterhub_sshspawner.ssh.user_certificates import certified

CONFIG = """
import os
from pathlib import Path
from jupyterhub.auth import DummyAuthenticator

class Certifying(DummyAuthenticator):
    async def authenticate(self, handler, data):
        text = Path({issued!r}).read_text()
        return {{"name": data["username"], "auth_state": {{"certificate": text}}}}

c.JupyterHub.authenticator_class = Certifying
c.Authenticator.enable_auth_state = True
c.CryptKeeper.keys = [os.urandom(32)]
c.SSHSpawner.ssh_client_cert_auth_state_key = "certificate"
"""


def keygen(*arguments: str | Path) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, arguments)], check=True)


@pytest.mark.sshd
def test_a_short_lived_certificate_from_auth_state(
    hub: Callable[..., Hub], account: Callable[..., Account], keys: Path, tmp_path: Path
) -> None:
    """The authenticator gets it when the user signs in. When it has ended, connections that exist
    go on (sshd reads it at a sign-in alone, TrustedUserCAKeys in sshd_config(5)), a new one is
    told of before sshd is asked, and another certificate counts at once."""
    alice = account()
    (alice.home / ".ssh/authorized_keys").unlink()
    keygen("-t", "ed25519", "-N", "", "-f", tmp_path / "ca")
    where = tmp_path / "trusting"
    where.mkdir()
    node = Sshd(where, f"TrustedUserCAKeys {tmp_path}/ca.pub\n")
    node.start()
    issued = tmp_path / "issued"

    def sign_in(validity: str, serial: int) -> str:
        public = tmp_path / f"{serial}.pub"
        public.write_text((keys / "hub.pub").read_text())
        keygen("-s", tmp_path / "ca", "-I", "short", "-z", str(serial), "-n", alice.name,
               "-V", validity, public)  # fmt: skip
        (tmp_path / f"{serial}-cert.pub").rename(issued)
        Browser(one, alice.name)
        text = issued.read_text()
        issued.unlink()
        return text.split()[1]

    one = hub(TINY + CONFIG.format(issued=str(issued)), node=node)
    try:
        one.request_start(alice.name)
        assert "no SSH certificate of yours is known: sign in again" in one.wait_failed(alice.name)
        first = sign_in("-5m:+1h", 1)
        one.spawn(alice.name)
        assert "ED25519-CERT" in node.log.read_text()
        assert "(serial 1)" in node.log.read_text()
        sign_in("-2h:-1h", 2)
        one.stop(alice.name)
        node.interrupt()
        tries = node.log.read_text().count("serial")
        one.request_start(alice.name)
        assert "your SSH certificate has expired: sign in again" in one.wait_failed(alice.name)
        assert node.log.read_text().count("serial") == tries
        sign_in("-5m:+1h", 3)
        one.spawn(alice.name)
        assert "(serial 3)" in node.log.read_text()
        for path in (*one.where.rglob("*"), *keys.iterdir()):
            assert path.is_dir() or first.encode() not in path.read_bytes(), path
    finally:
        node.cut()


@pytest.fixture
def key(tmp_path: Path) -> asyncssh.SSHKey:
    """The hub's key, in a file."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    made.write_private_key(tmp_path / "key")
    return made


CA = asyncssh.generate_private_key("ssh-ed25519")


def text_for(key: Any, **more: Any) -> str:
    return CA.generate_user_certificate(key, "id", **more).export_certificate().decode()


def test_it_goes_first_even_where_another_one_lies_beside_the_key(
    key: asyncssh.SSHKey, tmp_path: Path
) -> None:
    """asyncssh 2.24.1 by itself takes the file's and says nothing (``load_keypairs``)."""
    CA.generate_user_certificate(key, "file").write_certificate(tmp_path / "key-cert.pub")
    text = text_for(key, principals=["alice"])
    access = trust.Access(keys=(str(tmp_path / "key"),), cert_texts=(text,))
    offered = [pair.public_data for pair in access._keys()]
    assert offered[0] == asyncssh.import_certificate(text).public_data
    assert len(offered) == 3
    assert offered[-1] == key.public_data
    assert text.split()[1] not in repr(access)
    renewed = trust.Access(keys=access.keys, cert_texts=(text_for(key),))
    assert renewed.identity == access.identity, "a connection that is open goes on"


def _of_another_key(key: Any) -> str:
    return text_for(asyncssh.generate_private_key("ssh-ed25519"))


@pytest.mark.parametrize(
    ("made", "error", "said"),
    [
        (lambda key: text_for(key, valid_before=time.time() - 1), AuthenticationRefused,
         "has expired: sign in again"),
        (lambda key: text_for(key, valid_after=time.time() + 3600), AuthenticationRefused,
         "is not valid yet: the clocks"),
        (lambda key: CA.generate_host_certificate(key, "id").export_certificate().decode(),
         AuthenticationRefused, "is no certificate of a user"),
        (lambda key: key.export_public_key().decode(), AuthenticationRefused, "cannot be read"),
        (lambda key: "ssh-é", AuthenticationRefused, "cannot be read"),
        (_of_another_key, Misconfigured, "is for no key in SSHSpawner.ssh_client_keys"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_it_is_told(
    key: asyncssh.SSHKey, tmp_path: Path, made: Callable[[Any], str], error: type, said: str
) -> None:
    with pytest.raises(error, match=said):
        certified([made(key)], trust.load_keys([str(tmp_path / "key")], (), None))


def test_a_callable_may_return_files_and_texts(key: asyncssh.SSHKey) -> None:
    text = text_for(key)

    async def certificates_of(spawner: Any) -> list[str]:
        return [f"/etc/{spawner.user.name}-cert.pub", text, "/etc/{username}.2"]

    spawner = SSHSpawner(user=SimpleNamespace(name="bob"), ssh_client_certs=certificates_of)
    access = asyncio.run(resolve.access(spawner, "bob"))
    assert access.certs == ("/etc/bob-cert.pub", "/etc/bob.2")
    assert access.cert_texts == (text,)
