"""Run on the hub: sign in to a node as a user, and run `true` there some times, one by one.

Arguments: the node, the user, how often. Uses the hub's own key and known hosts.
"""

import asyncio
import sys

import asyncssh


async def main() -> None:
    """Run it on one connection."""
    node, user, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
    keys, known = ["/etc/hublab/id_ed25519"], "/etc/hublab/known_hosts"
    async with asyncssh.connect(
        node, username=user, client_keys=keys, known_hosts=known, config=None, agent_path=None
    ) as connection:
        for _ in range(times):
            await connection.run("exec true", check=True)


if __name__ == "__main__":
    asyncio.run(main())
