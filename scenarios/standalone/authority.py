"""certbot on the host of the hub, the authority that it asks, and servers with its certificates."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from hublab.scenario import ETC, File, LiveLab, listening, until

HOST, NAME, ELSEWHERE = "hub", "hub.lab", "elsewhere.lab"
SERVER = "https://ca:14000/dir"
ROOTS = "https://ca:15000/roots/0"
TRUSTED = "/tmp/listener.pem"
"""On each host that asks the authority: the certificate of its listener."""
ROOT = "/tmp/root.pem"
"""At the client: the authority's root, of which it learns as browsers do of theirs."""
LIVE, ARCHIVE = "/etc/letsencrypt/live", "/etc/letsencrypt/archive"
FORGET = "cd /etc/letsencrypt && rm -rf accounts live archive renewal"
WORDS = ("--agree-tos", "--email", "admin@hub.lab", "--non-interactive", "--server", SERVER)
START = 'cd /tmp && mkdir -p "$HOME" && nohup "$@" >"$HOME/log" 2>&1 </dev/null & echo $!'
END = 'kill "$1" 2>/dev/null; while kill -0 "$1" 2>/dev/null; do sleep 0.02; done'
PEM = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
UNTRUSTED, NO_ANSWER = 60, {28, 35, 52, 56}
"""Exit codes of curl: a certificate that nothing it knows has signed; nothing is answered."""


async def prepare(lab: LiveLab) -> None:
    """A host on which certbot has never run, and a client that trusts the authority's root."""
    listener = await lab.read_file("ca", f"{ETC}/listener.pem")
    for host in (HOST, "client"):
        await lab.put_files(host, "/tmp", [File("listener.pem", listener or b"")])
    await lab.run(HOST, "sh", "-c", FORGET)
    await prepare_client(lab)


async def prepare_client(lab: LiveLab) -> None:
    """Give the client the root that the authority has since its start."""
    await lab.put_files("client", "/tmp", [File("root.pem", await until_it_answers(lab))])


async def until_it_answers(lab: LiveLab) -> bytes:
    """Wait for the authority; returns its root."""

    async def root() -> bytes:
        argv = ("curl", "--silent", "--fail", "--cacert", TRUSTED, ROOTS)
        return (await lab.exec("client", *argv)).stdout.encode()

    return await until(root, what="the authority answers")


async def certbot(lab: LiveLab, *argv: str) -> tuple[int, str]:
    """Its exit code, and what it says."""
    trusting = {"REQUESTS_CA_BUNDLE": TRUSTED}
    done = await lab.exec(HOST, "certbot", *argv, environment=trusting)
    return done.exit_code, done.stdout + done.stderr


async def issue(lab: LiveLab, *mode: str, name: str = NAME) -> tuple[int, str]:
    """Ask for a certificate."""
    return await certbot(lab, "certonly", "-d", name, *mode, *WORDS)


async def renew(lab: LiveLab) -> tuple[int, str]:
    """Renew what there is, though it is not due: what the timer of the package does in time."""
    return await certbot(lab, "renew", "--force-renewal", "--no-random-sleep-on-renew")


async def file_of(lab: LiveLab, name: str = "cert.pem") -> str:
    """The digest of the first certificate in a file of the newest set."""
    return digest(await lab.run(HOST, "cat", f"{LIVE}/{NAME}/{name}"))


def digest(text: str) -> str:
    """The digest of the first certificate in a text."""
    found = PEM.search(text)
    assert found, text
    return hashlib.sha256(re.sub(r"\s", "", found[0]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client gets of a server: curl's exit code, and the certificate that it was shown."""

    code: int
    certificate: str


async def look(lab: LiveLab, port: int, *options: str) -> Seen:
    """Ask a server by its name from the client host, trusting the authority's root alone."""
    argv = ("curl", "--silent", "--output", "/dev/null", "--max-time", "3", "--write-out")
    trusting = options or ("--cacert", ROOT)
    done = await lab.exec("client", *argv, "%{certs}", *trusting, f"https://{NAME}:{port}/")
    return Seen(done.exit_code, digest(done.stdout) if PEM.search(done.stdout) else "")


@dataclass(frozen=True, slots=True)
class Program:
    """A server that was started. Use `running`."""

    lab: LiveLab
    pid: str
    home: str

    async def log(self) -> str:
        return await self.lab.run(HOST, "cat", f"{self.home}/log")

    async def signal(self, name: str) -> None:
        await self.lab.run(HOST, "sh", "-c", f'kill -{name} "$1"', "-", self.pid)

    async def ended(self) -> bool:
        argv = ("sh", "-c", 'kill -0 "$1"', "-", self.pid)
        return (await self.lab.exec(HOST, *argv)).exit_code != 0


@contextlib.asynccontextmanager
async def running(
    lab: LiveLab, port: int, argv: Sequence[str], *, user: str = "root"
) -> AsyncIterator[Program]:
    """A server of the hub's host, from when it listens at a port, or has ended without."""
    home = f"/tmp/{user}-{port}"
    path = "/opt/jupyter/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    done = await lab.exec(
        HOST,
        *("sh", "-c", START, "-", *argv),
        user=user,
        environment={"HOME": home, "PATH": path},
    )
    program = Program(lab, done.stdout.strip(), home)

    async def decided() -> bool:
        open_ = port in {one.port for one in await listening(lab, HOST)}
        return open_ or await program.ended()

    try:
        await until(decided, what=f"{argv[0]} listens at {port}, or has ended")
        yield program
    finally:
        await lab.run(HOST, "sh", "-c", END, "-", program.pid)


def proxy(port: int, certificate: str = "fullchain.pem") -> tuple[str, ...]:
    """The hub's kind of proxy with the issued files, in front of the hub."""
    files = (f"{LIVE}/{NAME}/{certificate}", f"{LIVE}/{NAME}/privkey.pem")
    program = "/opt/chp/node_modules/.bin/configurable-http-proxy"
    where = ("--ip=0.0.0.0", f"--port={port}", f"--api-port={port + 1000}")
    hub = "--default-target=http://127.0.0.1:8081"
    return (program, *where, hub, f"--ssl-cert={files[0]}", f"--ssl-key={files[1]}")


def notebook(port: int, certificate: str = "fullchain.pem") -> tuple[str, ...]:
    """The recipe's server with the issued files."""
    files = (f"{LIVE}/{NAME}/{certificate}", f"{LIVE}/{NAME}/privkey.pem")
    where = ("--ip=0.0.0.0", f"--port={port}", "--no-browser", "--allow-root")
    return ("jupyter", "server", *where, f"--certfile={files[0]}", f"--keyfile={files[1]}")


NGINX = """\
daemon off;
pid {home}/pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  server {{ listen 80; root {webroot}; }}
  {tls}
}}
"""
TLS = """\
server {{
    listen {port} ssl;
    ssl_certificate {live}/fullchain.pem;
    ssl_certificate_key {live}/privkey.pem;
    return 204;
  }}
"""
WEBROOT = "/tmp/webroot"


@contextlib.asynccontextmanager
async def nginx(lab: LiveLab, port: int | None = None) -> AsyncIterator[Program]:
    """nginx with a folder at port 80, and at another port with the issued files."""
    await lab.run(HOST, "mkdir", "-p", WEBROOT)
    tls = TLS.format(port=port, live=f"{LIVE}/{NAME}") if port else ""
    text = NGINX.format(home="/tmp", webroot=WEBROOT, tls=tls)
    await lab.put_files(HOST, "/tmp", [File("nginx.conf", text.encode())])
    async with running(lab, port or 80, ("nginx", "-c", "/tmp/nginx.conf")) as program:
        yield program
