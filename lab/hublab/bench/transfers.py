"""What the way through the proxy costs a transfer, measured by curl on the client host.

The times are curl's own, so that neither the way into the lab nor the start of a command counts.
"""

from __future__ import annotations

from hublab.bench.measure import Part
from hublab.bench.servers import NODE, USER
from hublab.engine.records import File
from hublab.errors import LabError
from hublab.running.live import LiveLab

REPEATS = 50
SIZE = 64 * 1024 * 1024
"""Bytes of the file."""
TOKEN_LIFE = 3600
FOLDER, HEADER, NAME = "/tmp", "bench-header", "bench-64"
MAKE = f'head -c {SIZE} /dev/urandom >"$HOME/{NAME}"'


class Transfers:
    """One server with a file, and its user's token at the client host, in a file of root's."""

    def __init__(self, live: LiveLab) -> None:
        self.live = live
        self._origins: dict[str, str] = {}

    async def origins(self) -> dict[str, str]:
        """Where the server is asked: through the proxy and directly."""
        if not self._origins:
            server = await self.live.server(USER)
            if server is None or not server.ready:
                server = await self.live.spawn(USER, on=NODE)
            home = {"HOME": f"/home/{USER}"}
            made = await self.live.exec(NODE, "sh", "-c", MAKE, user=USER, environment=home)
            if made.exit_code:
                raise LabError(f"no file of 64 MB on {NODE}: {made.stderr.strip()}")
            token = await (await self.live.hub()).make_token(USER, TOKEN_LIFE)
            header = File(HEADER, f"Authorization: token {token['token']}\n".encode(), 0o600)
            await self.live.put_files("client", FOLDER, [header])
            self._origins = {
                "through": str(self.live.origin).rstrip("/"),
                "direct": f"http://{server.address}:{server.port}",
            }
        return self._origins

    async def curl(self, way: str, path: str, what: str, times: int) -> float:
        """The mean of a time of curl's over several requests of one connection, in seconds."""
        url = f"{(await self.origins())[way]}/user/{USER}/{path}"
        wanted = ("--output", "/dev/null", url) * times
        options = ("--silent", "--fail", "--header", f"@{FOLDER}/{HEADER}")
        done = await self.live.exec(
            "client", "curl", *options, "--write-out", f"%{{{what}}} ", *wanted
        )
        if done.exit_code:
            raise LabError(f"curl on the client host ended with {done.exit_code}", where=url)
        found = [float(one) for one in done.stdout.split()]
        return sum(found) / len(found)

    async def first_byte_through(self) -> float:
        return await self.curl("through", "api", "time_starttransfer", REPEATS)

    async def first_byte_direct(self) -> float:
        return await self.curl("direct", "api", "time_starttransfer", REPEATS)

    async def download_through(self) -> float:
        return await self.curl("through", f"files/{NAME}", "time_total", 1)

    async def download_direct(self) -> float:
        return await self.curl("direct", f"files/{NAME}", "time_total", 1)

    def parts(self) -> list[Part]:
        direct = "the same to the server's own address, from the same client"
        return [
            Part(
                "first-byte",
                f"the first byte of a GET through the proxy, mean of {REPEATS}, by curl",
                direct,
                self.first_byte_through,
                self.first_byte_direct,
            ),
            Part(
                "download",
                "a file of 64 MB through the proxy, by curl",
                direct,
                self.download_through,
                self.download_direct,
            ),
        ]
