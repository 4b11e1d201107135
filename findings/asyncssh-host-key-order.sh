#!/bin/sh
# Software: asyncssh 2.24.1 (PyPI).
#
# A good guess: of a server's host keys the client asks for Ed25519 first, as OpenSSH's client
# does, and known_hosts only limits the choice; the order of its lines means nothing.
#
# What it does: without known keys it asks for RSA, though the server has Ed25519, too. With known
# keys the order of the lines in known_hosts is the order in which it asks: two files with the
# same lines lead to different keys.
#
# Seen, with a server that has Ed25519, ECDSA and RSA:
#   nothing known: ssh-rsa
#   RSA's line, then Ed25519's: ssh-rsa
#   Ed25519's line, then RSA's: ssh-ed25519
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with asyncssh==2.24.1

"$python" - <<'EOF'
import asyncio
import sys

import asyncssh


class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False


async def main():
    keys = {
        "Ed25519": asyncssh.generate_private_key("ssh-ed25519"),
        "ECDSA": asyncssh.generate_private_key("ecdsa-sha2-nistp256"),
        "RSA": asyncssh.generate_private_key("ssh-rsa", key_size=2048),
    }
    server = await asyncssh.create_server(
        Server, "127.0.0.1", 0, server_host_keys=list(keys.values())
    )
    port = server.sockets[0].getsockname()[1]

    async def asked_for(*known):
        lines = "".join(
            f"[127.0.0.1]:{port} {keys[name].export_public_key().decode()}" for name in known
        )
        async with asyncssh.connect(
            "127.0.0.1",
            port,
            known_hosts=asyncssh.import_known_hosts(lines) if known else None,
            client_keys=None,
            config=None,
        ) as connection:
            return connection.get_server_host_key().algorithm.decode()

    seen = {
        known: await asked_for(*known)
        for known in ((), ("RSA", "Ed25519"), ("Ed25519", "RSA"), ("Ed25519",))
    }
    server.close()
    for known, algorithm in seen.items():
        print(f"known_hosts: {', then '.join(known) or 'nothing known'}: {algorithm}")
    if list(seen.values()) != ["ssh-rsa", "ssh-rsa", "ssh-ed25519", "ssh-ed25519"]:
        sys.exit("changed: RSA without known keys, else the order of the lines")


asyncio.run(main())
EOF
