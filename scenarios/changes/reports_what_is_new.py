"""A server reports only what is new."""

from typing import Any


async def only_new(notify: Any, extension: Any) -> None:
    sent = extension._last_activity_sent
    if not sent or extension.serverapp.web_app.last_activity() > sent:
        await notify(extension)


CHANGES = {"jupyterhub.singleuser.extension:JupyterHubSingleUser.notify_activity": only_new}
