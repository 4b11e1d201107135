"""Let's Encrypt: issued, verified, renewed; who serves the new certificate, and who cannot read it.

Why it matters: the certificate is renewed every two months by a timer, and months later somebody
finds that the proxy shows the old one. Whoever has made the files readable for a server by `chown`,
as the recipe says, has a server that answers nobody after the first renewal.

Sources:
- The recipe: `certbot certonly -d DOMAIN`, files under /etc/letsencrypt/live/DOMAIN, owner of
  `live` and `archive` changed to the server's user, `certbot renew`, `certbot delete`.
- certbot documentation, "Where are my certificates?": fullchain.pem is "all certificates, including
  server certificate", cert.pem "the server certificate by itself"; only root can read live and
  archive.
  certbot/_internal/storage.py, `save_successor`: of a key its group and mode are kept;
  `delete_files`: live, archive and the renewal's configuration.
- RFC 8555, 6.7: the problem types `connection`, `unauthorized`; 8.3: HTTP validation at port 80.
- tornado, netutil.py, `ssl_options_to_context`, at each connection; configurable-http-proxy 5.3,
  bin/configurable-http-proxy: files are read once, at the start, and no signal is handled.
- nginx documentation, "Controlling nginx": HUP, a new configuration.
"""

from __future__ import annotations

import pytest

from hublab.scenario import LiveLab, listening, until

from .authority import (
    ARCHIVE,
    ELSEWHERE,
    HOST,
    LIVE,
    NAME,
    NO_ANSWER,
    TRUSTED,
    UNTRUSTED,
    WEBROOT,
    Seen,
    certbot,
    file_of,
    issue,
    look,
    nginx,
    notebook,
    prepare,
    prepare_client,
    proxy,
    renew,
    running,
    until_it_answers,
)

pytestmark = [
    pytest.mark.topology("lab", "onebox", "acme"),
    # Another program that holds port 80, as many a machine has one.
    pytest.mark.sabotage("proxy.metrics-port", 80),
]

PROXY, NOTEBOOK, NGINX = 8443, 8888, 8445
USER = "jupyterhub"
FOR_A_GROUP = f"""\
chgrp -R {USER} {LIVE} {ARCHIVE} && chmod 750 {LIVE} {ARCHIVE} && chmod 640 {ARCHIVE}/*/privkey*.pem
"""
"""What certbot's documentation leaves to the administrator, in the way that a renewal keeps."""
MODES = f"stat -c '%a %U' {LIVE} {ARCHIVE} {ARCHIVE}/{NAME}/privkey1.pem"
RENEWAL = f"/etc/letsencrypt/renewal/{NAME}.conf"
WEB_SERVER = "cd /tmp && exec python3 -m http.server 80 >/dev/null 2>&1 & echo $!"


async def test_issued_and_verified(lab: LiveLab) -> None:
    """By a server of certbot's own and by a folder of nginx's; without the chain curl refuses it.

    The files are root's: a proxy that is another user ends with EACCES, and a notebook server says
    that there is no such file. `certbot delete` takes them away.
    """
    await prepare(lab)
    for mode in (("--standalone",), ("--webroot", "-w", WEBROOT)):
        if mode[0] == "--webroot":
            async with nginx(lab):
                code, said = await issue(lab, *mode, "--force-renewal")
        else:
            code, said = await issue(lab, *mode)
        assert (code, "Successfully received certificate" in said) == (0, True), said
    assert (await lab.run(HOST, "sh", "-c", MODES)).split() == ["700", "root"] * 2 + ["600", "root"]
    for port, argv in ((PROXY, proxy), (NOTEBOOK, notebook)):
        async with running(lab, port, argv(port)):
            assert await look(lab, port) == Seen(0, await file_of(lab))
            assert (await look(lab, port, "--cacert", TRUSTED)).code == UNTRUSTED
        async with running(lab, port, argv(port, "cert.pem")):
            assert (await look(lab, port)).code == UNTRUSTED
    async with running(lab, PROXY, proxy(PROXY), user=USER) as refused:
        assert await refused.ended()
        assert "EACCES" in await refused.log()
    async with running(lab, NOTEBOOK, notebook(NOTEBOOK), user=USER) as refused:
        assert await refused.ended()
        assert f'certfile "{LIVE}/{NAME}/fullchain.pem" does not exist' in await refused.log()
    code, _ = await certbot(lab, "delete", "--non-interactive", "--cert-name", NAME)
    assert code == 0
    for place in (f"{LIVE}/{NAME}", f"{ARCHIVE}/{NAME}", RENEWAL):
        assert (await lab.exec(HOST, "ls", place)).exit_code != 0, place


@pytest.mark.issue(
    "configurable-http-proxy#107",
    "jupyter/help#499",
    happens=True,
    workaround="certbot's --deploy-hook that restarts the proxy alone; servers go on",
)
async def test_who_serves_a_renewed_certificate(lab: LiveLab) -> None:
    """A notebook server does from the next connection on, nginx when told so, the proxy not at all.

    HUP ends the proxy; a new one has it. Group and mode that the key was given stay.
    """
    await prepare(lab)
    async with nginx(lab):
        assert (await issue(lab, "--webroot", "-w", WEBROOT))[0] == 0
    await lab.run(HOST, "sh", "-c", FOR_A_GROUP)
    old = await file_of(lab)
    async with (
        running(lab, PROXY, proxy(PROXY), user=USER) as in_front,
        running(lab, NOTEBOOK, notebook(NOTEBOOK), user=USER),
        nginx(lab, NGINX) as web,
    ):
        ports = (PROXY, NOTEBOOK, NGINX)
        assert [await look(lab, port) for port in ports] == [Seen(0, old)] * 3
        code, said = await renew(lab)
        assert code == 0, said
        new = await file_of(lab)
        assert new != old
        key = f"{ARCHIVE}/{NAME}/privkey2.pem"
        assert (await lab.run(HOST, "stat", "-c", "%a %G", key)).strip() == f"640 {USER}"
        seen = [(await look(lab, port)).certificate for port in ports]
        assert seen == [old, new, old]
        await web.signal("HUP")

        async def reloaded() -> bool:
            return await look(lab, NGINX) == Seen(0, new)

        await until(reloaded, what="nginx shows the new certificate")
        assert (await look(lab, PROXY)).certificate == old
        await in_front.signal("HUP")
        await until(in_front.ended, what="the proxy has ended")
    async with running(lab, PROXY, proxy(PROXY), user=USER):
        assert await look(lab, PROXY) == Seen(0, new)


@pytest.mark.finding(
    "After a renewal a server whose user owned the old key answers nobody",
    project="jupyter_server",
    steps="chown -R USER /etc/letsencrypt/live /etc/letsencrypt/archive, as recipes say; `jupyter "
    "server` as that user with fullchain.pem and privkey.pem; `certbot renew`.",
    expected="It goes on with the certificate that it has, or takes the new one.",
    seen="No connection is answered until somebody changes the owner of the new key: certbot keeps "
    "group and mode of the old one, and not its owner; the server reads the files for each "
    "connection and has only a PermissionError in its log.",
)
async def test_a_key_that_was_given_to_a_user(lab: LiveLab) -> None:
    """The renewed key is root's, and the server that could read the old one answers nobody."""
    await prepare(lab)
    assert (await issue(lab, "--standalone"))[0] == 0
    await lab.run(HOST, "chown", "-R", USER, LIVE, ARCHIVE)
    async with running(lab, NOTEBOOK, notebook(NOTEBOOK), user=USER) as server:
        assert await look(lab, NOTEBOOK) == Seen(0, await file_of(lab))
        code, said = await renew(lab)
        assert code == 0, said
        key = f"{ARCHIVE}/{NAME}/privkey2.pem"
        assert (await lab.run(HOST, "stat", "-c", "%a %U", key)).strip() == "600 root"
        assert (await look(lab, NOTEBOOK)).code in NO_ANSWER
        assert "PermissionError" in await server.log()
        await lab.run(HOST, "chown", USER, key)
        assert await look(lab, NOTEBOOK) == Seen(0, await file_of(lab))


async def test_what_certbot_says_of_a_refusal(lab: LiveLab) -> None:
    """Exit code 1 and the reason: a port that is taken, one that is closed, somebody else's."""
    await prepare(lab)
    async with nginx(lab):
        code, said = await issue(lab, "--standalone")
        assert code == 1
        assert "Could not bind TCP port 80 because it is already in use" in said
    code, said = await issue(lab, "--webroot", "-w", WEBROOT)
    assert (code, "Type:   connection" in said, "connection refused" in said) == (1, True, True)
    pid = await lab.run("node1", "sh", "-c", WEB_SERVER)

    async def serves() -> bool:
        return 80 in {one.port for one in await listening(lab, "node1")}

    try:
        await until(serves, what="somebody else's web server")
        code, said = await issue(lab, "--standalone", name=ELSEWHERE)
    finally:
        await lab.run("node1", "kill", pid.strip())
    assert (code, "Type:   unauthorized" in said, "404" in said) == (1, True, True)
    assert (await lab.exec(HOST, "ls", f"{LIVE}/{NAME}")).exit_code != 0
    assert (await issue(lab, "--standalone"))[0] == 0


async def test_an_authority_that_is_down(lab: LiveLab) -> None:
    """A renewal ends with 1, and what was issued goes on being served.

    Pebble, unlike Let's Encrypt, has then forgotten the account, and `renew` makes no new one.
    """
    await prepare(lab)
    assert (await issue(lab, "--standalone"))[0] == 0
    before = await file_of(lab)
    async with running(lab, NOTEBOOK, notebook(NOTEBOOK)):
        await lab.programs.end("ca")
        code, said = await renew(lab)
        assert (code, "1 renew failure(s)" in said, "Connection refused" in said) == (1, True, True)
        assert await file_of(lab) == before
        assert await look(lab, NOTEBOOK) == Seen(0, before)
        await lab.programs.start("ca")
        await until_it_answers(lab)
        code, said = await renew(lab)
        assert (code, "accountDoesNotExist" in said) == (1, True), said
        assert await look(lab, NOTEBOOK) == Seen(0, before)
        await lab.run(HOST, "rm", "-rf", "/etc/letsencrypt/accounts")
        code, said = await issue(lab, "--standalone", "--force-renewal")
        assert code == 0, said
        await prepare_client(lab)
        assert await look(lab, NOTEBOOK) == Seen(0, await file_of(lab))
