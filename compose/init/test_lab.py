"""A server on another host has the variables that the hub's configuration gives it.

Why it matters: what a spawner sends to another host is not what it has on its own.

Sources:
- JupyterHub, `Spawner.environment`: "Extra environment variables to set for the single-user
  server's process."

    pytest --lab-file lab.yaml test_lab.py
"""

import pytest

# Each setting with its values; every test runs once for each combination, in one lab.
pytestmark = pytest.mark.matrix("hub.snippet", ["jupyterhub_config.py"])


async def test_the_variable_arrives(lab):
    """A notebook on node2 reads the variable."""
    server = await lab.spawn("alice", on="node2")
    assert server.host == "node2"
    async with await lab.sign_in("alice") as alice:
        await alice.open_server()
        async with alice.kernel() as kernel:
            seen = await kernel.run("import os; print(os.environ['GREETING'])")
    assert seen.stdout.strip() == "hello from the hub"
