"""internal_ssl's certificates stay as they were first made, where the hub was first started.

Why it matters: a name is missing, somebody adds it to the settings and restarts the hub, and the
other hosts still refuse it. Or the hub gets another service unit with another working directory,
and no server that runs on another host is the hub's any more.

Sources:
- jupyterhub 6.1.1, app.py, `init_internal_ssl`: "Using existing hub-internal CA" where there is a
  record, whatever its names; `internal_certs_location`: "The location to store certificates
  automatically created by JupyterHub.", by default the relative `internal-ssl`.
- `JupyterHub.recreate_internal_certs`: "Recreate all certificates used within JupyterHub on
  restart. Note: enabling this feature requires restarting all notebook servers."
- app.py, `init_spawners`, `check_spawner`: a server that does not answer within `http_timeout` is
  shut down; RFC 5280, 6.1: a certificate is good by the authority that one trusts.
- spawner.py, `Spawner.create_certs`: at each start, for the server's user.
- `JupyterHub.cleanup_servers`: False leaves servers running when the hub ends.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Case, LiveLab, Settings, flag_file

from .certificates import CERTIFICATES, names_in
from .pages import call, has_started, started

LOCATION = "hub.JupyterHub.internal_certs_location"
NAMES, RECREATE = "hub.JupyterHub.trusted_alt_names", "hub.JupyterHub.recreate_internal_certs"
ADDED, NAMED = "hub.lab", ["DNS:hub.lab"]
COMPONENTS = ("hub-internal", "proxy-api", "proxy-client")
HTTP_TIMEOUT = 8
HOSTS = "hub.SSHSpawner.hosts"
FILES = [f"{CERTIFICATES}/{name}/{name}.crt" for name in COMPONENTS]

pytestmark = [
    pytest.mark.topology("lab", "onebox"),
    pytest.mark.matrix("hub.JupyterHub.internal_ssl", [True]),
]


@pytest.mark.matrix(LOCATION, ["names-added-later"])
@pytest.mark.matrix(RECREATE, [False, True])
async def test_a_name_that_is_added_later(lab: LiveLab, case: Case) -> None:
    """It changes nothing, unless the certificates are made anew: theirs are of the hub's first
    start with internal_ssl.
    """
    folder = f"/srv/jupyterhub/{case[LOCATION]}"
    await lab.programs.end("hub")
    await lab.run("hub", "rm", "-rf", folder)
    await lab.programs.start("hub")
    await lab.programs.until_ready("hub")
    before = [await names_in(lab, one, folder) for one in COMPONENTS]
    assert not any(ADDED in names for names in before)
    await lab.apply_settings(Settings({**await lab.settings(), NAMES: NAMED}))
    after = [await names_in(lab, one, folder) for one in COMPONENTS]
    added = {ADDED} if case[RECREATE] else set[str]()
    assert after == [names | added for names in before]


@pytest.mark.finding(
    "A hub that is started in another folder stops all servers of internal_ssl",
    project="jupyterhub",
    steps="internal_ssl with the default internal_certs_location, cleanup_servers = False; a "
    "running server; start the hub in another working directory.",
    expected="A warning that there are no certificates here, or a place that does not depend on "
    "where the hub is started.",
    seen="New authorities without a warning, and each server is stopped after "
    "http_timeout, for it shows a certificate of the old ones: 'internal-ssl' is relative.",
)
@pytest.mark.matrix("hub.JupyterHub.cleanup_servers", [False])
@pytest.mark.matrix("hub.snippet", ["works_elsewhere.py"])
@pytest.mark.matrix("hub.Spawner.http_timeout", [HTTP_TIMEOUT])
@pytest.mark.matrix(LOCATION, ["internal-ssl", "/srv/jupyterhub/whole-path"])
async def test_a_hub_that_is_started_in_another_folder(lab: LiveLab, case: Case) -> None:
    """By default it makes new certificates there, and stops the servers, which have old ones; where
    the folder is a whole path they go on.
    """
    whole = str(case[LOCATION]).startswith("/")
    await lab.run("hub", "rm", "-rf", "/srv/jupyterhub/elsewhere")
    alice = await lab.sign_in("alice")
    await started(lab, alice)
    async with flag_file(lab, "hub", "elsewhere"):
        await lab.programs.stop("hub")
        await lab.programs.start("hub")
        await lab.programs.until_ready("hub")
        assert await has_started(alice) == whole
        log = await lab.hub_log()
    assert ("Using existing hub-internal CA" in log) == whole
    assert ("certificate verify failed" in log) != whole


@pytest.mark.matrix(HOSTS, [["node1"]])
@pytest.mark.sabotage("hub.snippet", "../changes/adds_no_host_to_names.py")
@pytest.mark.sabotage(
    "hub.snippet", "../changes/certificates_stay.py", sentence="one that moves there gets another"
)
async def test_a_node_that_is_added_later(lab: LiveLab) -> None:
    """Nothing of the hub is made anew for it: a server gets a certificate with its host's name at
    each start, so one that moves there gets another.
    """
    alice = await lab.sign_in("alice")
    before = await lab.run("hub", "sha256sum", *FILES)
    for host, hosts in (("node1", ["node1"]), ("node2", ["node1", "node2"])):
        await lab.apply_settings(Settings({**await lab.settings(), HOSTS: hosts}))
        await started(lab, alice, host)
        names = await names_in(lab, "user-alice")
        assert names & {"node1", "node2"} == {host}
        assert str(lab.host(host).address) in names
        assert (await call(alice, "DELETE", "users/alice/server"))[0] in (202, 204)
        assert not await has_started(alice)
    assert await lab.run("hub", "sha256sum", *FILES) == before
