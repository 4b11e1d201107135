"""A stop leaves the server's token and its client of OAuth."""

from typing import Any


async def to_be_resumed(stop: Any, user: Any, server_name: str = "") -> Any:
    user.spawners[server_name].will_resume = True
    return await stop(user, server_name)


CHANGES = {"jupyterhub.user:User.stop": to_be_resumed}
