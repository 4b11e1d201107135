#!/bin/sh
# Software: asyncssh 2.24.1 (PyPI).
#
# A good guess: a host that refuses connections is an OSError that names it, and it makes no
# difference whether the way leads through a jump host (tunnel=, ProxyJump). `except OSError`
# around connect() is enough for hosts that are down.
#
# What it does: behind a jump host the same refusal is a ChannelOpenError, which is no OSError. Its
# words are whatever the jump host sent, without either host's name. A jump host that is down is an
# OSError that names the jump host's address, never the host that was asked for.
#
# Seen (addresses differ only by the port):
#   direct: ConnectionRefusedError [Errno 111] Connect call failed ('127.0.0.1', TARGET)
#   behind a jump host: ChannelOpenError Connection refused
#   jump host down: ConnectionRefusedError [Errno 111] Connect call failed ('127.0.0.1', JUMP)
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with asyncssh==2.24.1

"$python" - <<'EOF'
import asyncio
import socket
import sys

import asyncssh


class JumpHost(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        try:
            socket.create_connection((dest_host, dest_port), 5).close()
        except ConnectionRefusedError as error:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, error.strerror) from None
        return True


async def failure(port, tunnel):
    try:
        await asyncssh.connect(
            "127.0.0.1", port, tunnel=tunnel, known_hosts=None, client_keys=None, config=None
        )
    except (OSError, asyncssh.Error) as error:
        return error
    sys.exit("changed: a port where nobody listens let us in")


async def main():
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(JumpHost, "127.0.0.1", 0, server_host_keys=[key])
    jump = server.sockets[0].getsockname()[1]
    with socket.socket() as one, socket.socket() as other:
        # bound, but nobody listens: both refuse
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        target, down = one.getsockname()[1], other.getsockname()[1]
        direct = await failure(target, ())
        async with asyncssh.connect(
            "127.0.0.1", jump, known_hosts=None, client_keys=None, config=None
        ) as connection:
            behind = await failure(target, connection)
        no_way = await failure(target, f"somebody@127.0.0.1:{down}")
    server.close()

    print(f"the target has port {target}, the jump host that is down {down}")
    for case, error in (("direct", direct), ("behind", behind), ("jump host down", no_way)):
        print(f"  {case}: {type(error).__name__} {error}")
    if not (isinstance(direct, OSError) and str(target) in str(direct)):
        sys.exit("changed: a refusal was an OSError that names the address")
    if isinstance(behind, OSError) or str(target) in str(behind) or "127.0.0.1" in str(behind):
        sys.exit("changed: behind a jump host it was no OSError and named nobody")
    if str(target) in str(no_way) or str(down) not in str(no_way):
        sys.exit("changed: the jump host alone was named")


asyncio.run(main())
EOF
