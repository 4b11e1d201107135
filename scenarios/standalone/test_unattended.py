"""What is issued and renewed unattended: the chain, the key, a timer that waits, a closed door.

Why it matters: the first certificate is made by hand and works. What goes wrong later has nobody
who looks: a script that waits for `certbot renew` seems to hang, a client of another kind does not
trust what curl does, and between two files a server answers nobody.

Sources:
- certbot, main.py, `renew`: without a terminal it waits for up to 8 minutes before it asks, unless
  `--no-random-sleep-on-renew`; `--key-type`: "ecdsa" since 2.0, on the curve secp256r1.
- RFC 8446, 4.4.2: a server sends its chain; a client that lacks an intermediate certificate has no
  path to its root (RFC 5280, 6.1).
- RFC 8555, 6.7: the problem type `connection`.
- tornado, netutil.py, `ssl_options_to_context`, at each connection: certificate and key have to
  belong to each other.
"""

from __future__ import annotations

import re

import pytest

from hublab.scenario import PYTHON, File, LiveLab, partition, until

from .authority import (
    ARCHIVE,
    ELSEWHERE,
    END,
    HOST,
    LIVE,
    NAME,
    NO_ANSWER,
    ROOT,
    SERVER,
    file_of,
    issue,
    look,
    notebook,
    prepare,
    running,
    until_it_answers,
)

pytestmark = [
    pytest.mark.topology("lab", "onebox", "acme"),
    # Another program that holds port 80, as many a machine has one.
    pytest.mark.sabotage("proxy.metrics-port", 80),
]

NOTEBOOK = 8888
UNATTENDED = "exec certbot renew --force-renewal >/dev/null 2>&1 </dev/null & echo $!"
LOG = "/var/log/letsencrypt/letsencrypt.log"
DELAY, LONGEST = re.compile(r"Non-interactive renewal: random delay of ([\d.]+) seconds"), 8 * 60


async def test_a_renewal_without_a_terminal(lab: LiveLab) -> None:
    """It sleeps first, for minutes, and asks nobody; a script that waits for it seems to hang."""
    await prepare(lab)
    assert (await issue(lab, "--standalone"))[0] == 0
    before = await file_of(lab)
    await lab.run(HOST, "rm", "-f", LOG)
    pid = await lab.run(HOST, "sh", "-c", UNATTENDED)

    async def sleeps() -> str:
        log = (await lab.read_file(HOST, LOG) or b"").decode()
        return log if DELAY.search(log) else ""

    try:
        log = await until(sleeps, what="certbot says that it waits")
        assert 1 <= float(DELAY.findall(log)[0]) <= LONGEST
        assert SERVER not in log.partition("random delay of")[2]
        assert await file_of(lab) == before
    finally:
        await lab.run(HOST, "sh", "-c", END, "-", pid.strip())


async def test_a_firewall_that_drops(lab: LiveLab) -> None:
    """A port 80 behind one that drops packets is `connection` too, after a time-out."""
    await prepare(lab)
    async with partition(lab, "ca", "node1", seconds=60):
        code, said = await issue(lab, "--standalone", name=ELSEWHERE)
    assert (code, "Type:   connection" in said, "imeout" in said) == (1, True, True), said


CLIENTS = {
    "requests": ("/usr/bin/python3", "-c", "import sys, requests; requests.get(sys.argv[1])"),
    "node": ("node", "-e", "require('https').get(process.argv[1], r => process.exit(0))"),
}
KIND = (
    "from cryptography import x509; import sys; "
    "one = x509.load_pem_x509_certificate(sys.stdin.buffer.read()); "
    "print(one.public_key().curve.name)"
)


async def test_the_chain_that_clients_need(lab: LiveLab) -> None:
    """Without the intermediate certificate Python and Node refuse it, too; the key is ECDSA's."""
    await prepare(lab)
    assert (await issue(lab, "--standalone"))[0] == 0
    root = await until_it_answers(lab)
    await lab.put_files(HOST, "/tmp", [File("root.pem", root)])
    trusting = {
        "REQUESTS_CA_BUNDLE": ROOT,
        "NODE_EXTRA_CA_CERTS": ROOT,
    }
    seen = {}
    for name in ("fullchain.pem", "cert.pem"):
        async with running(lab, NOTEBOOK, notebook(NOTEBOOK, name)):
            for client, argv in CLIENTS.items():
                url = f"https://{NAME}:{NOTEBOOK}/api"
                done = await lab.exec(HOST, *argv, url, environment=trusting)
                seen[client, name] = done.exit_code == 0
    assert seen == {
        (client, name): name == "fullchain.pem"
        for client in CLIENTS
        for name in ("fullchain.pem", "cert.pem")
    }
    read = ("sh", "-c", f'{PYTHON} -c "$1" <"$2"', "-", KIND, f"{LIVE}/{NAME}/cert.pem")
    assert (await lab.run(HOST, *read)).strip() == "secp256r1"


async def test_a_key_of_another_certificate(lab: LiveLab) -> None:
    """Between the writing of certificate and key a notebook server answers nobody."""
    await prepare(lab)
    assert (await issue(lab, "--standalone"))[0] == 0
    async with running(lab, NOTEBOOK, notebook(NOTEBOOK)):
        assert (await look(lab, NOTEBOOK)).code == 0
        key = f"{ARCHIVE}/{NAME}/privkey1.pem"
        await lab.run(HOST, "cp", key, "/tmp/right.pem")
        await lab.run(HOST, "sh", "-c", 'openssl ecparam -genkey -name prime256v1 >"$1"', "-", key)
        assert (await look(lab, NOTEBOOK)).code in NO_ANSWER
        await lab.run(HOST, "cp", "/tmp/right.pem", key)
        assert (await look(lab, NOTEBOOK)).code == 0
