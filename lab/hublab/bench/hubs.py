"""Changes of hub and proxy settings, against the bare programs on the same hosts."""

from __future__ import annotations

import asyncio
import itertools

from hublab.bench.measure import Part
from hublab.bench.servers import LISTENING
from hublab.running.live import LiveLab
from hublab.running.switching import apply_settings, give_routes_back
from hublab.settings.image_software import CONFIGURABLE_HTTP_PROXY as CHP
from hublab.settings.values import Settings

PREPARE = "mkdir -p /tmp/bare && cd /tmp/bare && rm -f jupyterhub.sqlite && exec "
SECOND_PROXY = f"setsid {CHP} --port 8900 --api-ip 0.0.0.0 --api-port 8901 >/dev/null 2>&1 &"
SECOND_API = "http://{proxy}:8901"


class Hubs:
    """Changes settings of a running lab; each round sets another value."""

    def __init__(self, live: LiveLab) -> None:
        self.live = live
        self._ports = itertools.count(20000)
        self._values = itertools.count(100)
        self._second_proxy = ""

    async def switch_hub(self) -> float:
        """Change a hub setting, until the hub reports that it is running."""
        return await self._apply("hub.Spawner.start_timeout", next(self._values))

    async def switch_proxy(self) -> float:
        """Change a proxy setting, until the proxy has its routes back."""
        seconds = await self._apply("proxy.timeout", next(self._values) * 1000)
        begun = now()
        await self.live.forget_hub()
        if problem := await give_routes_back(await self.live.hub()):
            raise RuntimeError(problem)
        return seconds + now() - begun

    async def _apply(self, key: str, value: int) -> float:
        settings = await asyncio.to_thread(self.live.lab.settings)
        begun = now()
        await apply_settings(self.live.lab, settings.merged(Settings({key: str(value)})))
        seconds = now() - begun
        await self.live.forget_hub()
        return seconds

    async def bare_hub(self) -> float:
        """A bare hub beside the lab's, from exec to listening.

        It has a bare proxy of its own, for a hub asks its proxy before it listens
        (jupyterhub/app.py, `start`).
        """
        if not self._second_proxy:
            proxy = self.live.lab.one("proxy").service
            await self.live.run(proxy, "sh", "-c", SECOND_PROXY)
            self._second_proxy = SECOND_API.format(proxy=proxy)
        port = next(self._ports)
        script = (
            f"{PREPARE} env CONFIGPROXY_AUTH_TOKEN=none JUPYTERHUB_CRYPT_KEY= "
            '/opt/jupyter/bin/python -c "$1" "$2" 0 /opt/jupyter/bin/jupyterhub '
            '--JupyterHub.hub_port="$2" --ConfigurableHTTPProxy.should_start=False '
            f"--ConfigurableHTTPProxy.api_url={self._second_proxy}"
        )
        return float(
            await self.live.run(
                self.live.lab.one("hub").service,
                "sh",
                "-c",
                script,
                "-",
                LISTENING.read_text(),
                str(port),
            )
        )

    async def bare_proxy(self) -> float:
        """A bare proxy beside the lab's, from exec to listening; its host has no Python."""
        port = next(self._ports)
        script = (
            "const n=require('net'),c=require('child_process'),t=process.hrtime.bigint();"
            "const p=c.spawn(process.argv[1],['--port',process.argv[2],'--api-port',"
            "String(+process.argv[2]+20000)],{stdio:'ignore',env:{...process.env,"
            "CONFIGPROXY_AUTH_TOKEN:'none'}});"
            "(function go(){const s=n.connect(+process.argv[2],'127.0.0.1',()=>{"
            "console.log(Number(process.hrtime.bigint()-t)/1e9);p.kill('SIGKILL');"
            "process.exit(0)});s.on('error',()=>setTimeout(go,2))})()"
        )
        proxy = self.live.lab.one("proxy").service
        return float(await self.live.run(proxy, "node", "-e", script, CHP, str(port)))

    def parts(self) -> list[Part]:
        return [
            Part(
                "switch-hub",
                "a hub setting, until the hub runs with it",
                "a bare jupyterhub on the same host, exec to listening",
                self.switch_hub,
                self.bare_hub,
            ),
            Part(
                "switch-proxy",
                "a proxy setting, until its routes are back",
                "a bare configurable-http-proxy on the same host, exec to listening",
                self.switch_proxy,
                self.bare_proxy,
            ),
        ]


def now() -> float:
    return asyncio.get_running_loop().time()
