"""A way into the lab's network: whatever is sent through it leaves from the client host.

The client host runs sshd, published on this machine's loopback. hublab puts a key there that
exists only in this process, verifies the host key that it reads through the engine, and opens
a SOCKS listener: names are resolved at the far end, and the addresses in the hub's and proxy's
logs are true.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import aiohttp_socks
import asyncssh
import tenacity
from yarl import URL

from hublab.errors import LabError, in_words
from hublab.paths import ETC
from hublab.running.lab import SSH_PORT, Lab

VISITOR = "visitor"
KEY_LIFE = datetime.timedelta(hours=12)
STARTING = 15.0
"""Seconds that a host may take from its start until its sshd answers."""
LOST = (
    aiohttp_socks.ProxyError,
    aiohttp_socks.ProxyConnectionError,
    aiohttp_socks.ProxyTimeoutError,
)
"""What the listener's end is called: three errors with no ancestor in common."""


class Connector(aiohttp_socks.ProxyConnector):
    """Connections through the SOCKS listener; its loss is raised as an error of aiohttp.

    It answers before the far end is reached, so that it fails only when the SSH connection to the
    client host was lost, and every caller takes that for what it is: no answer.
    """

    async def connect(self, *arguments: Any, **options: Any) -> aiohttp.connector.Connection:
        """As aiohttp's own. Raises aiohttp.ClientError for every failure but a timeout."""
        try:
            return await super().connect(*arguments, **options)
        except LOST as error:
            raise aiohttp.ClientConnectionError(
                f"the connection to the client host is lost ({error})"
            ) from error


class Channel:
    """HTTP and WebSockets that start at the client host. Use `open_channel`."""

    def __init__(self, socks_url: str) -> None:
        self.socks_url = socks_url
        """Where the SOCKS listener is, for clients other than aiohttp."""

    def session(self, **options: Any) -> aiohttp.ClientSession:
        """An aiohttp session whose connections start at the client host.

        Redirects, cookies and headers are the caller's; names are resolved on the client host.
        """
        connector = Connector.from_url(self.socks_url, rdns=True)
        options.setdefault("timeout", aiohttp.ClientTimeout(total=60, sock_connect=15))
        return aiohttp.ClientSession(connector=connector, **options)


@contextlib.asynccontextmanager
async def open_channel(lab: Lab) -> AsyncIterator[Channel]:
    """Open the way in, and close it at the end. Raises LabError when the client is not there."""
    client = lab.one("client")
    if client.state != "running":
        raise LabError(f"the client host {client.service} is {client.state}", hint="`hublab up`")
    port = client.ports.get(SSH_PORT)
    if port is None:
        raise LabError(
            f"the client host {client.service} does not publish its port {SSH_PORT}",
            hint=f'ports: ["127.0.0.1:PORT:{SSH_PORT}"] in the Compose file',
        )
    key = asyncssh.generate_private_key("ssh-ed25519")
    authorize(lab, client.service, key)
    host_key = lab.output(client.service, "cat", f"{ETC}/ssh_host_ed25519_key.pub")
    try:
        connection = await sign_in(port, key, host_key)
    except (OSError, asyncssh.Error) as error:
        raise LabError(
            f"could not reach {client.service} by SSH on port {port}: {in_words(error)}"
        ) from error
    async with connection:
        listener = await connection.forward_socks("127.0.0.1", 0)
        yield Channel(str(URL.build(scheme="socks5", host="127.0.0.1", port=listener.get_port())))


@tenacity.retry(
    # A host that was just started accepts connections a moment before its sshd does.
    retry=tenacity.retry_if_exception_type((OSError, asyncssh.ConnectionLost)),
    stop=tenacity.stop_after_delay(STARTING),
    wait=tenacity.wait_fixed(0.1),
    reraise=True,
)
async def sign_in(port: int, key: asyncssh.SSHKey, host_key: str) -> asyncssh.SSHClientConnection:
    """A connection to the client host, whose host key must be the one given."""
    return await asyncssh.connect(
        "127.0.0.1",
        port,
        username=VISITOR,
        client_keys=[key],
        known_hosts=asyncssh.import_known_hosts(f"[127.0.0.1]:{port} {host_key}"),
        config=None,
        agent_path=None,
        connect_timeout=60,
        keepalive_interval=30,
    )


def authorize(lab: Lab, client: str, key: asyncssh.SSHKey) -> None:
    """Let a key in for some hours, for forwarding alone (sshd(8), authorized_keys)."""
    end = datetime.datetime.now(datetime.UTC) + KEY_LIFE
    options = f'restrict,port-forwarding,expiry-time="{end:%Y%m%d%H%M}Z"'
    line = f"{options} {key.export_public_key().decode().strip()}"
    lab.output(client, "sh", "-c", f'echo "$1" >> {ETC}/authorized_keys', "-", line)
