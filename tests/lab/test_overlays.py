"""Each overlay comes up, does the one thing it is for, and goes without leaving anything."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from lifecycle import ROOT, fresh_name, hublab, wait_until_gone
from scenarios.origin.https_site import over_https
from yarl import URL

from hublab.deployment.creation import temporary
from hublab.deployment.plan import make_plan
from hublab.deployment.removal import down
from hublab.diagnosis.reach import diagnose
from hublab.engine import Engine
from hublab.errors import HubError, SettingError, Undecided, UsageError
from hublab.paths import ETC
from hublab.probes.database import DatabaseReader
from hublab.probes.http import look
from hublab.probes.reach import reach
from hublab.probes.routes import proxy_routes
from hublab.probes.waiting import until
from hublab.running import programs
from hublab.running.lab import Lab
from hublab.running.live import LiveLab, connect
from hublab.running.provider_form import sign_in_at_provider
from hublab.running.readiness import wait_until_running
from hublab.running.ready import make_ready
from hublab.running.reset import reset_lab
from hublab.running.reverse_proxy import changed_site
from hublab.running.sign_in import sign_in_of
from hublab.running.switching import apply_settings, restart
from hublab.running.visitor import NAVIGATE, sign_in
from hublab.running.warm import make_cold
from hublab.settings.checking import check_settings
from hublab.settings.values import NO_SETTINGS, Settings

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def lab_of(*overlays: str) -> AsyncIterator[LiveLab]:
    """A lab of lab.yaml and overlays, which ends with this process whatever happens."""
    files = tuple(ROOT / "compose" / f"{name}.yaml" for name in ("lab", *overlays))
    name = fresh_name()
    with temporary(make_plan(files), name, print) as created:
        lab = Lab.find(name, created.engine)
        await make_ready(lab, NO_SETTINGS, print)
        async with connect(lab) as live:
            yield live
    await asyncio.to_thread(wait_until_gone, name)


async def answer(live: LiveLab, user: str) -> str | None:
    """What a cell in a kernel of the user's server says, through whatever stands between."""
    async with await live.sign_in(user) as visitor:
        await visitor.open_server()
        async with visitor.kernel() as kernel:
            return (await kernel.run("6 * 7")).result


async def broken_hops(live: LiveLab) -> list[str]:
    return [f"{hop.source} -> {hop.target}" for hop in diagnose(await reach(live)) if not hop.ok]


async def users_in_postgres(live: LiveLab) -> list[str]:
    psql = ("psql", "--tuples-only", "--no-align", "--command", "SELECT name FROM users")
    return (await live.run("database", *psql, "jupyterhub", user="postgres")).split()


@pytest.mark.slow
async def test_postgres() -> None:
    """The hub's rows are in PostgreSQL on another host; a new case finds that empty."""
    async with lab_of("postgres") as live:
        await live.spawn("alice", on="node1")
        assert await answer(live, "alice") == "42"
        assert "alice" in await users_in_postgres(live)
        assert "jupyterhub.sqlite" not in await live.run("hub", "ls", "/srv/jupyterhub")
        tables = await DatabaseReader(live).read()
        assert [row["base_url"] for row in tables["servers"].rows] == ["/user/alice/"]
        assert {row["hashed"][:9] for row in tables["api_tokens"].rows} == {"[redacted"}
        await live.forget_hub()
        await reset_lab(live.lab, Settings())
        assert "alice" not in await users_in_postgres(live)
        assert live.lab.secrets() >= {live.lab.secret("database_password")}
        assert await broken_hops(live) == []
        await live.programs.end("database")
        # A restarted hub would end without it; one that runs has only lost its rows.
        assert await broken_hops(live) == ["hub -> database"]


async def test_bastion() -> None:
    """A node that only the bastion can reach runs a server; every way to it goes through SSH."""
    async with lab_of("bastion") as live:
        for host in ("hub", "proxy"):
            assert (
                await asyncio.to_thread(live.lab.run, host, "getent", "hosts", "inner1")
            ).exit_code
        server = await live.spawn("alice", on="inner1")
        assert server.tunnel
        assert server.tunnel.startswith("hub:")
        assert await answer(live, "alice") == "42"
        assert await broken_hops(live) == []
        # The bastion forwards, and runs nothing.
        sign_in_on_page = ("ssh", "-i", "/etc/hublab/id_ed25519", "jump@bastion", "true")
        assert (await asyncio.to_thread(live.lab.run, "hub", *sign_in_on_page)).exit_code


@pytest.mark.slow  # scenarios/cross_host/test_two_networks.py has it too
async def test_two_networks() -> None:
    """The hub starts a server where the proxy cannot go: it is ready, and nobody gets there."""
    async with lab_of("twonets") as live:
        assert len(live.lab.host("hub").networks) == 2
        server = await live.spawn("alice", on="far1")
        assert server.ready
        assert await broken_hops(live) == ["proxy -> alice's server"]
        # Until the second one is where the proxy is, too.
        await live.stop("alice")
        await live.spawn("alice", on="node1")
        assert await answer(live, "alice") == "42"


@pytest.mark.slow  # test_nginx.py has it too
async def test_nginx() -> None:
    """nginx is what users reach; without its Upgrade header there are no kernels."""
    async with lab_of("nginx") as live:
        assert str(live.origin) == "http://nginx"
        await live.spawn("alice", on="node1")
        assert await answer(live, "alice") == "42"
        async with changed_site(live, ("proxy_set_header Upgrade $http_upgrade;", "")):
            with pytest.raises(HubError, match="WebSocket was refused: 400"):
                await answer(live, "alice")
        assert await answer(live, "alice") == "42"
        async with over_https(live):
            hops = {hop.url: hop.ok for hop in diagnose(await reach(live))}
            assert hops["http://nginx/_chp_healthz"]
            assert hops["https://nginx/_chp_healthz"]
            assert all(hops.values())
        with pytest.raises(UsageError, match="occurs 0 times"):
            async with changed_site(live, ("no such line", "")):
                pytest.fail("it was changed")
        with pytest.raises(UsageError, match="does not take"):
            async with changed_site(live, ("proxy_buffering off;", "proxy_bufering off;")):
                pytest.fail("it was taken")
        assert await answer(live, "alice") == "42"


async def test_wildcard_names() -> None:
    """Any name below hub.lab is the proxy for the client; other names are as before."""
    async with lab_of("dns") as live:
        proxy = live.lab.one("proxy").address
        lookup = "for name; do getent ahostsv4 $name | head -n 1; done"
        names = ("hub.lab", "alice.hub.lab", "a.b.hub.lab", "proxy")
        found = await live.run("client", "sh", "-c", lookup, "-", *names)
        assert [line.split()[0] for line in found.splitlines()] == [proxy] * len(names)
        nobody = await asyncio.to_thread(live.lab.run, "client", "getent", "hosts", "nobody.lab")
        assert nobody.exit_code


@pytest.mark.slow
async def test_onebox() -> None:
    """The hub runs its own proxy: one host fewer, the same lab; it survives a change of case."""
    async with lab_of("onebox") as live:
        assert live.lab.one("proxy") is live.lab.one("hub")
        await live.spawn("alice", on="node1")
        assert await answer(live, "alice") == "42"
        assert await broken_hops(live) == []
        with pytest.raises(SettingError, match="sets this option itself"):
            check_settings(live.lab.engine, live.lab.images, Settings({"proxy.port": 9000}))
        settings = Settings({"proxy.timeout": 30000})
        (restart,) = await apply_settings(live.lab, settings)
        assert (restart.host, restart.program) == ("hub", "hub")
        await live.forget_hub()
        assert await answer(live, "alice") == "42"  # the server has been running all the time
        await live.forget_hub()
        await reset_lab(live.lab, Settings())
        assert await live.servers() == []
        assert [route.spec for route in await proxy_routes(live)] == ["/"]


@pytest.mark.slow  # scenarios/sign_in/test_pam_accounts.py has such a lab, too
async def test_pam() -> None:
    """The hub is root, forked or not, in a group of its own; what is ended with it is its own.

    Who restarts it leaves the host's other root processes alone, and none of the hub's behind.
    """
    async with lab_of("pam") as live:
        lab = live.lab
        words = 'grep -E "^(Uid|Gid|Groups|Umask)" /proc/$1/status'

        async def ids() -> str:
            pid = programs.status(lab, "hub").pid
            return await live.run("hub", "sh", "-c", words, "-", str(pid))

        async def running(*names: str) -> list[str]:
            found = (await live.run("hub", "sh", "-c", "cat /proc/[0-9]*/comm")).split()
            return sorted(name for name in found if name.startswith(names))

        await live.spawn("alice", on="node1")
        assert await answer(live, "alice") == "42"
        warm, others = await ids(), await running("s6", "python")
        assert warm.split()[:3] == ["Umask:", "0022", "Uid:"]
        assert re.findall(r"Uid:\t(\d+)|Gid:\t(\d+)", warm) == [("0", ""), ("", "990")]
        service = {"name": "sleeper", "command": ["sleep", "3600"]}
        await apply_settings(lab, Settings({"hub.JupyterHub.services": [service]}))
        programs.kill_and_start(lab, "hub")
        await wait_until_running(lab)
        assert await running("sleep") == ["sleep"]
        await live.forget_hub()
        await reset_lab(lab, Settings())
        assert await running("sleep", "s6", "python") == others
        make_cold(lab)
        programs.kill_and_start(lab, "hub")
        await wait_until_running(lab)
        assert await ids() == warm
        await live.forget_hub()
        await live.spawn("alice", on="node2")
        assert await answer(live, "alice") == "42"
        assert await broken_hops(live) == []


@pytest.mark.slow
async def test_own_hub_with_pam(tmp_path: Path) -> None:
    """A configuration with PAM holds where the hub has accounts, and what `up` prints signs in."""
    own = tmp_path / "jupyterhub_config.py"
    own.write_text(
        "c.JupyterHub.authenticator_class = 'pam'\nc.PAMAuthenticator.open_sessions = False"
    )
    files = [f"--file={ROOT / 'compose' / name}.yaml" for name in ("lab", "pam")]
    name = fresh_name()
    try:
        done = hublab("up", "--name", name, *files, "--hub-config", str(own), "--show-password")
        assert "authenticator_class" not in done.stdout
        printed = re.search(r"sign in: (\S+) +user (\S+) +password (\S+)", done.stdout)
        assert printed, done.stderr
        url, user, password = printed.groups()
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            await session.get(f"{url}hub/login")
            (xsrf,) = [one.value for one in jar if one.key == "_xsrf"]
            form = {"username": user, "password": password, "_xsrf": xsrf}
            async with session.post(f"{url}hub/login", data=form, allow_redirects=False) as got:
                assert got.status == 302
    finally:
        await asyncio.to_thread(down, name, Engine.connect())


async def signs_in_from_here(live: LiveLab, hub: URL) -> None:
    """Do what `up` says, with a browser on this machine. Raises HubError."""
    known = sign_in_of(live.lab)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await sign_in_at_provider(session, hub, known.user, known.password, NAVIGATE)


@pytest.mark.slow
async def test_identity_provider_and_another_hub() -> None:
    """What `up` prints holds by hand, at both hubs; settings reach one of them; secrets stay where
    they belong.
    """
    async with lab_of("identity-provider", "other-hub") as live:
        port = live.lab.one("other-hub").ports[8000]
        await signs_in_from_here(live, URL(live.lab.url) / "hub/")

        async def other_answers() -> bool:
            try:
                return (await look(live, URL("http://other:8000/hub/login"))).status == 200
            except Undecided:
                return False

        await until(other_answers, what="the other hub")
        await signs_in_from_here(live, URL(f"http://127.0.0.1:{port}/hub/"))
        await live.spawn("alice", on="node1")
        assert await answer(live, "alice") == "42"
        with pytest.raises(HubError, match="could not sign in: 403"):
            await sign_in(live.channel, str(live.origin), "alice", "not-hers")
        assert await broken_hops(live) == []

        before = await live.programs.status("other")
        (changed,) = await apply_settings(live.lab, Settings({"hub.JupyterHub.log_level": "DEBUG"}))
        assert changed.host == "hub"
        assert (await live.programs.status("other")).pid == before.pid
        assert "settings.json" not in await live.run("other", "ls", "/etc/hublab")

        private = [f"{ETC}/oauth_client_secret", f"{ETC}/env/JUPYTERHUB_CRYPT_KEY"]
        secrets = {await live.run(host, "cat", one) for host in ("hub", "other") for one in private}
        assert len(secrets) == 4
        assert live.lab.secrets() >= secrets
        for host in ("hub", "other", "provider"):
            modes = await live.run(host, "find", ETC, "-type", "f", "-perm", "/o+r")
            hidden = {*private, f"{ETC}/provider.json", f"{ETC}/accounts.json"}
            assert not hidden & set(modes.split())
            seen = await live.logs(host) + await live.run(host, "sh", "-c", "cat /proc/*/cmdline")
            assert not [one for one in live.lab.secrets() if one in seen]


async def test_standalone() -> None:
    """A server without a hub answers to its token, and has the settings of servers."""
    async with lab_of("standalone") as live:
        token = (await live.run("standalone", "cat", "/etc/hublab/jupyter_token")).strip()
        await apply_settings(
            live.lab, Settings({"server.ServerApp.allow_origin": "http://app.lab"})
        )
        await restart(live.lab, "standalone")
        async with live.channel.session() as session:

            async def seen() -> dict[str, str]:
                url = "http://standalone:8888/api/status"
                try:
                    async with session.get(url, headers={"Authorization": f"token {token}"}) as got:
                        return dict(got.headers) if got.status == 200 else {}
                except aiohttp.ClientError:
                    return {}

            headers = await until(seen, what="an answer of the standalone server")
            assert headers["Access-Control-Allow-Origin"] == "http://app.lab"
        # A session of its own: the first has a cookie from the server by now.
        async with (
            live.channel.session() as stranger,
            stranger.get("http://standalone:8888/api/status") as refused,
        ):
            assert refused.status == 403


@pytest.mark.slow
async def test_browser() -> None:
    """Chromium signs in at the hub, opens JupyterLab, and keeps pages of other origins apart.

    Slow: it may have to build an image of a gigabyte.
    """
    from hublab.running.browser import open_browser, put_page, sign_in_on_page, until_lab_is_loaded

    async with lab_of("browser", "dns") as live, open_browser(live.lab) as browser:
        lab, hub = live.lab, "http://hub.lab:8000"
        path = (await live.run("browser", "cat", "/etc/hublab/browser_path")).strip()
        assert path not in lab.engine.logs(lab.one("browser").id)
        await live.spawn("alice", on="node1")
        page = await browser.new_page()
        await sign_in_on_page(page, live, hub, "alice")
        await page.goto(f"{hub}/user/alice/lab")
        await until_lab_is_loaded(page)
        await page.goto("http://alice.hub.lab:8000/hub/login")
        assert await page.title() == "JupyterHub"
        # Same site or not is what decides whether the browser sends the hub's cookies along.
        script = f"await fetch('{hub}/hub/home', {{mode: 'no-cors', credentials: 'include'}})"
        for host, origin in (("app", "http://app.lab"), ("sibling", "http://app.hub.lab")):
            await put_page(live, host, "index.html", "<title>elsewhere</title>")
            await page.goto(origin)
            await page.evaluate(f"async () => {{ {script} }}")
        seen = [
            line for line in lab.engine.logs(lab.one("hub").id).splitlines() if "/hub/home" in line
        ]
        assert ["alice@" in line for line in seen] == [False, True]
