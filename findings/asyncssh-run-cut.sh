#!/bin/sh
# Software: asyncssh 2.24.1 (PyPI).
#
# A good guess: a connection that ends in the middle of `await connection.run(command)` raises
# ConnectionLost; with check=True, which is for whoever wants an error unless the command
# succeeded, surely something is raised.
#
# What it does: run() returns, with the output so far and exit_status None, check=True or not: None
# is no failure to it. Only exit_status == 0 says that the command succeeded. The next call on that
# connection does raise.
#
# Seen: check=False and check=True: returned, exit_status None, exit_signal None, stdout 'half';
# the next run() on the connection: ChannelOpenError SSH connection closed.
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


async def goes_away(process):
    """A host that is switched off while a command runs."""
    process.stdout.write("half")
    await process.stdout.drain()
    process.get_extra_info("connection").abort()


async def main():
    server = await asyncssh.create_server(
        Server,
        "127.0.0.1",
        0,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        process_factory=goes_away,
    )
    port = server.sockets[0].getsockname()[1]
    for check in (False, True):
        connection = await asyncssh.connect(
            "127.0.0.1", port, known_hosts=None, client_keys=None, config=None
        )
        try:
            done = await connection.run("long work", check=check)
        except (OSError, asyncssh.Error) as error:
            sys.exit(f"changed: with check={check} run() raised {error!r}")
        print(
            f"check={check}: returned, exit_status {done.exit_status}, "
            f"exit_signal {done.exit_signal}, stdout {done.stdout!r}"
        )
        if (done.exit_status, done.exit_signal, done.stdout) != (None, None, "half"):
            sys.exit("changed: run() returned the output so far, without a status")
        try:
            await connection.run("more work")
        except (OSError, asyncssh.Error) as error:
            print(f"the next run() on the connection: {type(error).__name__} {error}")
        else:
            sys.exit("changed: the next call raised")
    server.close()


asyncio.run(main())
EOF
