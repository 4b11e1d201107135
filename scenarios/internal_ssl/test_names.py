"""A certificate that lacks the name by which it is asked for stops one hop, and each hop says so
elsewhere: the hub's log, the proxy's, or the server's own on its node.

Why it matters: on one machine everything is localhost, which stands in each certificate. On several
each is asked for by the name or address that a setting gives out, and JupyterHub puts into its
certificates what it knows itself. What people see of a missing name is a timeout or a 503.

Sources:
- JupyterHub documentation, `trusted_alt_names`: "Names to include in the subject alternative name.
  These names will be used for server name verification. This is useful if JupyterHub is being run
  behind a reverse proxy or services using ssl are on different hosts."
- jupyterhub 6.1.1, app.py, `init_internal_ssl`: the hub's certificate has localhost, its machine's
  full name and those; the proxy's have localhost and those; one that exists is used again.
- spawner.py, `Spawner.create_certs`: "If the singleuser host has a name or ip other than localhost,
  an appropriate alternative name(s) must be passed for ssl verification by the hub to work";
  `ssl_alt_names`: "List of SSL alt names. May be set in config if all spawners should have the same
  value(s), or set at runtime by Spawner that know their names"; `ssl_alt_names_include_local`.
- jupyterhub-sshspawner, spawner.py, `create_certs`: it adds names and address of the host that was
  chosen to a list; a callable is left as it is.
- singleuser/extension.py, `check_hub_version`: five attempts, after which it waits 2, 4, 8, 16 and
  16 seconds, and the server ends with 1; app.py, `start`: the hub itself is asked nothing.
- user.py, `_wait_up`: until `http_timeout`; utils.py, `wait_for_http_server`: "Failed to connect".
- proxy.py, `api_request`: what does not connect is tried again for half a minute.
- Python's ssl: "certificate is not valid for"; Node's tls,
  `checkServerIdentity`: "is not in the cert's altnames"; Node's https, `calculateServerName`: the
  name of the header Host, which the proxy leaves as the browser sent it.
- `JupyterHub.recreate_internal_certs`: "Recreate all certificates used within JupyterHub on
  restart"; used here so that each case has certificates of its own.
"""

from __future__ import annotations

import time

import pytest
from yarl import URL

from hublab.scenario import (
    Case,
    LiveLab,
    last_server_log,
    look,
    until,
)

from .certificates import names_in
from .pages import does_it_start, started, told

NAMES, RECREATE = "hub.JupyterHub.trusted_alt_names", "hub.JupyterHub.recreate_internal_certs"
FOR_SERVERS = "hub.Spawner.hub_connect_url"
FOR_THEM = "hub.Spawner.ssl_alt_names"
SECOND_NAME = "hub.lab"
"""A name of the hub's host that is not its full name."""
PUBLIC = URL(f"http://{SECOND_NAME}:8000")
NAMED = [f"DNS:{SECOND_NAME}"]
NOT_IN_HUBS = f"certificate is not valid for '{SECOND_NAME}'"
NOT_IN_ALTNAMES = f"Host: {SECOND_NAME}. is not in the cert's altnames"
AT_ONCE = 3.0
"""Seconds: many times what a refused handshake takes."""
ATTEMPTS = 2 + 4 + 8 + 16 + 16
"""Seconds that a server waits for its hub in all."""
HTTP_TIMEOUT = 8
EARLIEST = 0.9 * HTTP_TIMEOUT
"""The hub gives up a tenth of the time before or after it (utils.exponential_backoff)."""
pytestmark = [
    pytest.mark.topology("lab", "onebox"),
    pytest.mark.matrix("hub.JupyterHub.internal_ssl", [True]),
]


def named(case: Case) -> bool:
    """Whether the certificates of hub and proxy have the second name."""
    return bool(case[NAMES] == NAMED)


async def since(lab: LiveLab, begun: float, words: str) -> str:
    """The log of hub and proxy since then, as soon as it has these words."""

    async def written() -> str:
        log = await lab.logs("hub", since=begun)
        return log if words in log else ""

    return await until(written, what=f"{words} in the log of the hub's host")


@pytest.mark.slow
@pytest.mark.matrix(RECREATE, [True])
@pytest.mark.matrix(FOR_SERVERS, [f"https://{SECOND_NAME}:8081"])
@pytest.mark.matrix(NAMES, [[], NAMED])
async def test_a_name_that_servers_have_for_the_hub(lab: LiveLab, case: Case) -> None:
    """The server tries for 46 seconds on its node and ends, and the spawner writes its last words,
    with the name, into the hub's log. With the name among trusted_alt_names it starts.
    """
    alice = await lab.sign_in("alice")
    begun = time.monotonic()
    assert await does_it_start(alice) == named(case)
    seconds = time.monotonic() - begun
    log = await last_server_log(lab, "alice", "node1")
    assert (NOT_IN_HUBS in log) != named(case)
    if not named(case):
        assert "(attempt 5/5)" in log
        assert ATTEMPTS < seconds < ATTEMPTS + 14  # start_timeout, 60 s
        assert "ended with status 1 before it listened" in await told(alice)
        assert NOT_IN_HUBS in await lab.hub_log()  # as the server's last words


@pytest.mark.finding(
    "With internal_ssl the proxy looks for its users' name of the hub in the certificates",
    project="configurable-http-proxy",
    steps="internal_ssl; open the hub by a name that is neither its machine's full name nor "
    "localhost.",
    expected="The page: the proxy asks the hub at https://hub:8081, a name that the hub's "
    "certificate has, whatever name its users know.",
    seen="503, 'Hostname/IP does not match certificate's altnames' with the users' name. "
    "trusted_alt_names is for that name, which the documentation hides under 'useful if JupyterHub "
    "is being run behind a reverse proxy'.",
)
@pytest.mark.matrix(RECREATE, [True])
@pytest.mark.matrix(NAMES, [[], NAMED])
async def test_the_name_by_which_users_ask_for_the_hub(lab: LiveLab, case: Case) -> None:
    """Missing in the hub's certificate, each page is 503 at once, and the hub says that it is
    running; the reason is in the proxy's log alone. By the machine's own name the page is there.
    """
    begun, clock = time.time(), time.monotonic()
    for page in ("hub/login", "hub/api/", "hub/health"):
        assert (await look(lab, lab.origin / page)).status == 200
        assert (await look(lab, PUBLIC / page)).status == (200 if named(case) else 503)
    assert time.monotonic() - clock < AT_ONCE
    if not named(case):
        assert "503 GET /hub/login" in await since(lab, begun, NOT_IN_ALTNAMES)
    log = await lab.hub_log()
    assert "JupyterHub is now running" in log
    assert "certificate is not valid" not in log


@pytest.mark.matrix(RECREATE, [True])
@pytest.mark.matrix(NAMES, [NAMED])
@pytest.mark.matrix(FOR_THEM, [["DNS:another.lab"], ["DNS:another.lab", *NAMED]])
async def test_the_name_by_which_users_ask_for_a_server(lab: LiveLab, case: Case) -> None:
    """A list of names for servers replaces that of the hub. Without the users' name in it a server
    is ready for the hub and 503 for them, and only the proxy's log says why.
    """
    good = case[FOR_THEM] != ["DNS:another.lab"]
    begun, alice = time.time(), await lab.sign_in("alice")
    await started(lab, alice)
    names = await names_in(lab, "user-alice")
    assert {"another.lab"} <= names
    assert (SECOND_NAME in names) == good
    assert (await look(lab, PUBLIC / "user/alice/api")).status == (200 if good else 503)
    if not good:
        assert "503 GET /user/alice/api" in await since(lab, begun, NOT_IN_ALTNAMES)


@pytest.mark.slow
@pytest.mark.may_refuse
@pytest.mark.matrix(RECREATE, [True])
@pytest.mark.matrix("hub.ConfigurableHTTPProxy.api_url", [f"https://{SECOND_NAME}:8001"])
@pytest.mark.matrix(NAMES, [[], NAMED])
async def test_a_name_that_the_hub_has_for_its_proxy(lab: LiveLab, case: Case) -> None:
    """The hub tries for half a minute and ends with 1."""
    assert (lab.refusal is None) == named(case)
    if lab.refusal is not None:
        assert (lab.refusal.role, lab.refusal.code) == ("hub", 1)
        assert NOT_IN_HUBS in lab.refusal.log


@pytest.mark.finding(
    "A certificate without its host's address is a server that did not respond, for its user",
    project="jupyterhub",
    steps="internal_ssl, a spawner on another host and Spawner.ssl_alt_names without that host's "
    "address; start a server and look at its page.",
    expected="The reason, which the hub has from each of its attempts: 'certificate is not valid "
    "for' the name.",
    seen='"Spawn failed: Server at https://… didn\'t respond in 30 seconds" after http_timeout; '
    "the server has run and answered all the time. The reason is a warning in the hub's log.",
)
@pytest.mark.matrix(RECREATE, [True])
@pytest.mark.matrix("hub.Spawner.http_timeout", [HTTP_TIMEOUT])
@pytest.mark.matrix("hub.snippet", ["names_another_host.py", "names_its_host.py"])
async def test_the_address_that_the_hub_has_of_a_server(lab: LiveLab, case: Case) -> None:
    """It is the address to which the spawner connects. Without it the hub tries until http_timeout,
    and stops a server that runs; the page is told of a timeout and of no certificate.
    """
    good = "names_its_host" in str(case["hub.snippet"])
    alice = await lab.sign_in("alice")
    begun = time.monotonic()
    assert await does_it_start(alice) == good
    seconds, log = time.monotonic() - begun, await lab.hub_log()
    address = lab.host("node1").address
    assert (f"certificate is not valid for '{address}'" in log) != good
    if not good:
        assert EARLIEST < seconds < HTTP_TIMEOUT + 15
        assert f"never showed up at https://{address}:" in log
        page = await told(alice)
        assert f"didn't respond in {HTTP_TIMEOUT} seconds" in page
        assert "certificate" not in page


@pytest.mark.matrix(RECREATE, [True])
@pytest.mark.matrix(FOR_THEM, [["DNS:another.lab"]])
@pytest.mark.matrix("hub.Spawner.ssl_alt_names_include_local", [False])
@pytest.mark.sabotage("hub.snippet", "../changes/adds_no_host_to_names.py")
async def test_the_ssh_spawner_adds_the_host_to_a_list(lab: LiveLab) -> None:
    """A list that names another host alone does no harm: name and address of the host that was
    chosen stand beside it; localhost does not.
    """
    alice = await lab.sign_in("alice")
    await started(lab, alice)
    address = str(lab.host("node1").address)
    assert await names_in(lab, "user-alice") == {"another.lab", "node1", address}
