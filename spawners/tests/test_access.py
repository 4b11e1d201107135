"""Settings of SSH that cannot work are the administrator's, and are not taken for a dead host."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_sshspawner.errors import Misconfigured, SSHSpawnerError, Unreachable
from jupyterhub_sshspawner.ssh import connections
from jupyterhub_sshspawner.ssh.connections import Pool
from jupyterhub_sshspawner.ssh.dialing import Limits, Target
from jupyterhub_sshspawner.ssh.trust import Access

NOBODY = 1
"""A port at which nobody listens."""
UMLAUT = b"# f\xfcr alle\nHost *\n"
"""Latin-1, which is no UTF-8."""


def refusal(**access: Any) -> SSHSpawnerError:
    """What is said of a sign-in that such settings cannot begin."""

    async def run() -> SSHSpawnerError:
        pool = Pool(logging.getLogger(__name__))
        target = Target("alice", "node1", "127.0.0.1", NOBODY, "alice", "node1")
        with pytest.raises(SSHSpawnerError) as caught:
            async with pool.borrow(target, Access(**access), Limits()):
                pass
        pool.close()
        return caught.value

    return asyncio.run(run())


def test_a_host_that_does_not_answer_is_one() -> None:
    assert isinstance(refusal(insecure=True), Unreachable)


@pytest.mark.parametrize("trait", ["known_hosts", "host_ca_keys", "config_files"])
@pytest.mark.parametrize("content", [None, UMLAUT], ids=["missing", "Latin-1"])
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, trait: str, content: bytes | None
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    error = refusal(insecure=trait == "config_files", **{trait: (str(path),)})
    assert isinstance(error, Misconfigured)
    name = "ssh_config_files" if trait == "config_files" else trait
    assert f"SSHSpawner.{name}: cannot read {path}: " in str(error)


def test_a_file_that_a_configuration_includes(tmp_path: Path) -> None:
    (tmp_path / "included").write_bytes(UMLAUT)
    config = tmp_path / "config"
    config.write_text(f"Include {tmp_path}/included\n")
    error = refusal(insecure=True, config_files=(str(config),))
    assert isinstance(error, Misconfigured)
    assert "ssh_config_files" in str(error)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("ProxyCommand /no/such/program %h\n")
    error = refusal(insecure=True, config_files=(str(config),))
    assert isinstance(error, Misconfigured)
    assert "ssh_config_files: cannot use /no/such/program: " in str(error)


@pytest.mark.parametrize(
    "options",
    [
        {"compression_algs": 5},
        {"compression_algs": [5]},
        {"compression_algs": "nosuch"},
        {"client_version": 5},
        {"local_addr": ("127.0.0.1", 99999)},
        {"x509_trusted_certs": "/no/such"},
    ],
    ids=lambda options: "".join(map(str, options.items())),
)
def test_an_option_that_asyncssh_cannot_use(options: dict[str, Any]) -> None:
    error = refusal(insecure=True, options=options)
    assert isinstance(error, Misconfigured)
    assert "SSHSpawner.ssh_options" in str(error)


def test_a_bug_is_not_taken_for_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options nobody can be told to change them."""

    async def dial(*arguments: object) -> None:
        raise TypeError("of our own")

    monkeypatch.setattr(connections, "dial", dial)
    with pytest.raises(TypeError, match="of our own"):
        refusal(insecure=True)
