"""The reader of Kerberos caches, against the documented format and against whatever else is there.

test_tickets.py has caches that Kerberos itself wrote.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_sshspawner.launcher import ccache

FORWARDABLE, RENEWABLE = 0x40000000, 0x00800000  # RFC 4120, 5.3


def counted(text: str) -> bytes:
    return struct.pack(">I", len(text)) + text.encode()


def principal(realm: str, *parts: str) -> bytes:
    return struct.pack(">II", 1, len(parts)) + b"".join(map(counted, (realm, *parts)))


ALICE = principal("ONE.TEST", "alice")
OWN = principal("ONE.TEST", "krbtgt", "ONE.TEST")
OTHERS = principal("ONE.TEST", "krbtgt", "TWO.TEST")
NOTE = principal("X-CACHECONF:", "krb5_ccache_conf_data", "pa_type")


def credential(server: bytes, start: int, end: int, flags: int, version: int = 4) -> bytes:
    """As MIT Kerberos' "Credential cache file format" has it, with an address in it."""
    key = struct.pack(">H", 18) * (2 if version == 3 else 1) + counted("the key")
    times = struct.pack(">IIIIBI", max(start - 5, 0), start, end, 0, 0, flags)
    address = struct.pack(">IH", 1, 2) + counted("addr")
    return (
        ALICE + server + key + times + address + struct.pack(">I", 0) + counted("a") + counted("")
    )


def cache(*credentials: bytes, version: int = 4) -> bytes:
    header = struct.pack(">HHHII", 12, 1, 8, 0, 0) if version == 4 else b""
    return bytes([5, version]) + header + ALICE + b"".join(credentials)


@pytest.mark.parametrize("version", [3, 4])
def test_the_latest_of_the_users_own_realm(tmp_path: Path, version: int) -> None:
    items = [(NOTE, 0, 0, 0), (OWN, 100, 200, RENEWABLE), (OWN, 150, 180, FORWARDABLE | RENEWABLE),
             (OTHERS, 300, 400, 0)]  # fmt: skip
    file = tmp_path / "cc"
    file.write_bytes(cache(*(credential(*item, version) for item in items), version=version))
    found = ccache.read(str(file))
    assert found
    assert (found.client, found.realm) == ("alice@ONE.TEST", "ONE.TEST")
    assert (found.issued, found.ends, found.forwardable) == (150, 180, True)


def test_one_that_is_cut_short_or_has_no_ticket(tmp_path: Path) -> None:
    whole = cache(credential(OWN, 100, 200, 0))
    file = tmp_path / "cc"
    for end in range(len(whole)):
        file.write_bytes(whole[:end])
        assert ccache.read(str(file)) is None
    file.write_bytes(cache(credential(OTHERS, 100, 200, 0)))
    assert ccache.read(str(file)) is None
    with pytest.raises(FileNotFoundError):
        ccache.read(str(tmp_path / "none"))


@given(data=st.binary(max_size=300), start=st.sampled_from([b"", b"\x05\x03", b"\x05\x04"]))
def test_what_is_no_cache_has_no_ticket(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, start: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "junk"
    file.write_bytes(start + data)
    assert ccache.read(str(file)) is None


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("FILE:/tmp/cc", "/tmp/cc"),
        ("/tmp/cc", "/tmp/cc"),
        ("/tmp/a:b", "/tmp/a:b"),
        ("DIR:/tmp/cc", ""),
        ("KCM:", ""),
        ("KEYRING:persistent:1000", ""),
        ("", ""),
    ],
)
def test_which_caches_are_files(name: str, path: str) -> None:
    """krb5_cc_resolve: what has no type before a colon is a file."""
    assert ccache.path_of(name) == path


def test_what_is_no_cache_does_not_hang_or_fill_the_memory(tmp_path: Path) -> None:
    """Where users own the folder, they may put a pipe there, or a file without an end."""
    pipe, large = tmp_path / "pipe", tmp_path / "large"
    os.mkfifo(pipe)
    with large.open("wb") as file:
        file.write(b"\x05\x04")
        file.truncate(1 << 40)
    assert ccache.read(str(pipe)) is None
    assert ccache.read(str(large)) is None
