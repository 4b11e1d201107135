"""A proxy on a host of its own has no certificates, and a hub with internal_ssl is 503 to it.

Why it matters: on one host `internal_ssl = True` is one line, for the hub starts the proxy with the
files that it has made. On another host nobody brings them there, the hub says that it is running,
and each page of it is gone.

Sources:
- JupyterHub documentation, `external_ssl_authorities` and `jupyterhub --generate-certs`: "generate
  certificates used for internal ssl", for components that the hub does not start.
- jupyterhub 6.1.1, proxy.py, `_get_ssl_options`: the options that a hub gives the proxy that it
  starts, `--client-ssl-key`, `--client-ssl-cert`, `--client-ssl-ca` for what is proxied.
- `trusted_alt_names`: here the name by which users ask (test_names.py).
- configurable-http-proxy#571: "503 GET / Error: self signed certificate in certificate chain".
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hublab.scenario import Case, File, LiveLab, Settings, look, until

SSL = "hub.JupyterHub.internal_ssl"
WORDS = "self-signed certificate in certificate chain"
OPTIONS = {
    "proxy.client-ssl-key": "proxy-client/proxy-client.key",
    "proxy.client-ssl-cert": "proxy-client/proxy-client.crt",
    "proxy.client-ssl-ca": "proxy-client-ca_trust.crt",
}
"""What the proxy has to be started with -> the hub's file for it."""
CERTIFICATES = "/srv/jupyterhub/for-a-proxy-elsewhere"
"""A folder of this scenario's own, for the names stay as they were first made."""
ON_PROXY, NOBODY = "/etc/hublab/internal-ssl", 65534
"""Where they are put, and the user that the proxy runs as."""

pytestmark = pytest.mark.topology("lab")


async def logged(lab: LiveLab, begun: float, words: str) -> bool:
    """Whether the proxy comes to write some words."""

    async def written() -> bool:
        return words in await lab.logs("proxy", since=begun)

    return await until(written, what=f"{words} in the proxy's log")


@asynccontextmanager
async def files_on_proxy(lab: LiveLab) -> AsyncIterator[dict[str, str]]:
    """The hub's files on the proxy's host for a block, and the settings that name them there."""
    files, places = [], {}
    for key, name in OPTIONS.items():
        content = await lab.read_file("hub", f"{CERTIFICATES}/{name}")
        assert content
        files.append(File(name.rpartition("/")[2], content, mode=0o600, uid=NOBODY))
        places[key] = f"{ON_PROXY}/{files[-1].name}"
    await lab.run("proxy", "mkdir", "-p", ON_PROXY)
    await lab.put_files("proxy", ON_PROXY, files)
    try:
        yield places
    finally:
        await lab.run("proxy", "rm", "-r", ON_PROXY)


async def is_back(lab: LiveLab) -> bool:
    return (await look(lab, lab.origin / "hub/login")).status == 200


@pytest.mark.issue(
    "configurable-http-proxy#571",
    happens=True,
    workaround="the hub's files proxy-client.key and .crt and proxy-client-ca_trust.crt on the "
    "proxy's host, and its three options client-ssl-…",
)
@pytest.mark.matrix("hub.JupyterHub.internal_certs_location", [CERTIFICATES])
@pytest.mark.matrix("hub.JupyterHub.trusted_alt_names", [["DNS:proxy"]])
@pytest.mark.matrix(SSL, [False, True])
async def test_a_proxy_that_has_none(lab: LiveLab, case: Case) -> None:
    """Each page is 503, the reason is in the proxy's log, and the hub says that it is running. With
    the hub's files and three options of the proxy the page is back.
    """
    begun = time.time()
    for page in ("hub/login", "hub/api/", "hub/health"):
        assert (await look(lab, lab.origin / page)).status == (503 if case[SSL] else 200)
    assert "JupyterHub is now running" in await lab.hub_log()
    if not case[SSL]:
        return
    assert await logged(lab, begun, WORDS)
    async with files_on_proxy(lab) as places:
        await lab.apply_settings(Settings({**await lab.settings(), **places}))
        await lab.programs.restart("hub")
        await lab.forget_hub()
        await until(lambda: is_back(lab), what="the hub's page")
