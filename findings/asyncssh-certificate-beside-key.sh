#!/bin/sh
# Software: asyncssh 2.24.1 (PyPI).
#
# A good guess: load_keypairs(key, certlist=[certificate]) signs in with the certificate that it is
# given. One that lies beside the key (KEY-cert.pub) is a convenience for who gives none.
#
# What it does: the certificate beside the key is used, and the given one is dropped without a word.
#
# Seen:
#   KEY-cert.pub with serial 1, and a given one with serial 2: serial 1
#   the same key without a neighbour: serial 2
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with asyncssh==2.24.1

"$python" - <<'EOF'
import sys
import tempfile
from pathlib import Path

import asyncssh

authority, key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))


def certificate(serial):
    return authority.generate_user_certificate(
        key, f"serial {serial}", serial=serial, principals=["alice"]
    )


def serial_used(pairs):
    """Of the pair that is offered first: certificates come before plain keys."""
    data = pairs[0].public_data
    found = [number for number in (1, 2) if certificate_data[number] == data]
    return found[0] if found else None


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "key")
    path.write_bytes(key.export_private_key())
    given = certificate(2)
    beside = certificate(1)
    certificate_data = {1: beside.public_data, 2: given.public_data}
    alone = serial_used(asyncssh.load_keypairs([str(path)], certlist=[given]))
    path.with_name("key-cert.pub").write_bytes(beside.export_certificate())
    both = serial_used(asyncssh.load_keypairs([str(path)], certlist=[given]))
print(f"a given one alone: serial {alone}")
print(f"one beside the key as well: serial {both}")
if (alone, both) != (2, 1):
    sys.exit("changed: the certificate beside the key wins over the given one")
