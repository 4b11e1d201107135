"""TLS by hand: a certificate that signs itself, in one file or two, and what clients say of it.

Why it matters: the recipe's certificate encrypts and proves nothing; each client has to be given
it, or told not to look. And what is wrong with the files shows late: a server whose key its user
cannot read starts, prints its https address, and answers nobody.

Sources:
- The recipe: `openssl req -x509 -nodes -days 365 -newkey rsa:2048`, one file for both;
  `jupyter notebook --certfile=… --keyfile=…`.
- jupyter_server documentation, "Running a public Jupyter server", "Using SSL for encrypted
  communication"; serverapp.py, `_get_ssl_options`; tornado, `TCPServer`: each connection makes
  its context from the files, those of `ssl_options` are looked for when it is made.
- curl, exit codes: 60, "peer certificate cannot be authenticated"; 28, 35, 52, 56: no answer.
- Python, ssl: `hostname_checks_common_name` is True, for a certificate without alternative names.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from hublab.scenario import File, LiveLab

from .machine import (
    MACHINE,
    PROGRAMS,
    RUNS,
    USER,
    NotebookServer,
    new_home,
    places,
    serving,
    surroundings,
)

pytestmark = pytest.mark.topology("lab", "recipes")

MAKE = "openssl req -x509 -nodes -days 365 -newkey rsa:2048 -subj /CN=machine -keyout {} -out {}"
SELF_SIGNED = 60
"""curl's exit code for a certificate that nothing it knows has signed."""
NO_ANSWER = {28, 35, 52, 56}
"""Those for a connection in which nothing is answered: too long, or ended before."""
REFUSED = 7
TRUSTED, OTHER = "/tmp/machine.pem", "/tmp/other.pem"
LONGEST = "3"
"""Seconds for which curl waits for the answer of a server that gives none."""
PORT = 7801
TRUSTING = (
    "import ssl, sys, urllib.request as r; "
    "print(r.urlopen(sys.argv[1], context=ssl.create_default_context(cafile=sys.argv[2])).status)"
)


async def make(lab: LiveLab, home: str, key: str, certificate: str) -> None:
    """Make a key and its certificate in a home folder, with the recipe's command."""
    argv = MAKE.format(f"{home}/{key}", f"{home}/{certificate}").split()
    done = await lab.exec(MACHINE, *argv, user=USER, environment=surroundings(home))
    assert done.exit_code == 0, done.stderr


async def curl(lab: LiveLab, *options: str, scheme: str = "https") -> int:
    """The exit code of curl at the client host; 0 is an answer of 200."""
    argv = ("curl", "--silent", "--fail", "--output", "/dev/null", *options)
    return (await lab.exec("client", *argv, f"{scheme}://{MACHINE}:{PORT}/api")).exit_code


def with_files(
    lab: LiveLab, home: str, *options: str
) -> AbstractAsyncContextManager[NotebookServer]:
    """A server at every address with these options of the recipe."""
    argv = ("jupyter", "server", "--ip=0.0.0.0", f"--port={PORT}", *options)
    return serving(lab, *argv, home=home)


async def publish(lab: LiveLab, home: str, name: str, path: str) -> None:
    """Give a certificate, without the key that may be in its file, to whoever is to trust it."""
    file = (await lab.read_file(MACHINE, f"{home}/{name}")) or b""
    folder, _, target = path.rpartition("/")
    public = File(target, file[file.index(b"-----BEGIN CERTIFICATE") :])
    for host in ("client", MACHINE):
        await lab.put_files(host, folder, [public])


@pytest.mark.sabotage("server.ServerApp.ssl_options", {"cert_reqs": 2})
async def test_one_file_or_two(lab: LiveLab) -> None:
    """Both serve TLS alone; curl and Python refuse until they are given the certificate."""
    home = await new_home(lab, "tls", {})
    await make(lab, home, "mycert.pem", "mycert.pem")
    await make(lab, home, "mykey.key", "two.pem")
    await make(lab, home, "other.key", "other.pem")
    await publish(lab, home, "other.pem", OTHER)
    for options in (
        ("--certfile=mycert.pem",),
        ("--certfile=mycert.pem", "--keyfile=mycert.pem"),
        ("--certfile=two.pem", "--keyfile=mykey.key"),
    ):
        await publish(lab, home, options[0].partition("=")[2], TRUSTED)
        async with with_files(lab, home, *options):
            assert await curl(lab, "--cacert", OTHER) == SELF_SIGNED
            assert await curl(lab, "--cacert", TRUSTED) == 0
            assert await curl(lab, "--max-time", LONGEST, scheme="http") in NO_ANSWER
            asked = (f"{PROGRAMS}/python", "-c", TRUSTING, f"https://{MACHINE}:{PORT}/api")
            trusting = [await lab.exec(MACHINE, *asked, path) for path in (TRUSTED, OTHER)]
            assert trusting[0].stdout.strip() == "200", trusting[0].stderr
            assert "certificate verify failed: self-signed certificate" in trusting[1].stderr


@pytest.mark.sabotage("server.ServerApp.sock", "/tmp/elsewhere")
@pytest.mark.finding(
    "A server whose key cannot be read starts, announces https and answers nobody",
    project="jupyter_server",
    steps="`jupyter server --certfile=two.pem --keyfile=mykey.key` where the server's user cannot "
    "read mykey.key, as with a key of root's.",
    expected="It ends at its start and says which file it cannot read, as it does for a key file "
    "that does not exist.",
    seen="'Jupyter Server is running at: https://…'; no connection is answered, and each leaves a "
    "PermissionError without the file's name in the log.",
)
async def test_a_key_that_is_not_there_or_cannot_be_read(lab: LiveLab) -> None:
    """One that is missing ends the server; one that it may not read lets it run, for nobody."""
    home = await new_home(lab, "key", {})
    await make(lab, home, "mykey.key", "two.pem")
    async with with_files(lab, home, "--certfile=two.pem", "--keyfile=gone.key") as server:
        log = await server.log()
        assert 'keyfile "gone.key" does not exist' in log
        assert RUNS not in log
        assert await curl(lab) == REFUSED
    await lab.run(MACHINE, "chmod", "000", f"{home}/mykey.key")
    async with with_files(lab, home, "--certfile=two.pem", "--keyfile=mykey.key") as server:
        assert RUNS in await server.log()
        assert await places(lab, PORT)
        assert await curl(lab, "--insecure", "--max-time", LONGEST) in NO_ANSWER
        assert await places(lab, PORT)
        log = await server.log()
        assert "PermissionError" in log
        assert "mykey.key" not in log.partition(RUNS)[2]
