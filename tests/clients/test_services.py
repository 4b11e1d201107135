"""Services that others wrote, on the hub's host, each configured as its own page says."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests
from trial import SECONDS, browser, consent

from hublab.testcontainers import HubLab

pytestmark = pytest.mark.slow

CONFIG = """
import sys

# jupyterhub-idle-culler 2.0.0, "Permissions" and "As a hub managed service". Changed: --timeout,
# and --cull-every, so that a test need not wait for an hour.
c.JupyterHub.load_roles = [
    {
        "name": "jupyterhub-idle-culler-role",
        "scopes": [
            "list:users",
            "read:users:activity",
            "read:servers",
            "delete:servers",
        ],
        "services": ["jupyterhub-idle-culler-service"],
    },
    {"name": "user", "scopes": ["self", "access:services"]},
]
c.JupyterHub.services = [
    {
        "name": "jupyterhub-idle-culler-service",
        "command": [
            sys.executable,
            "-m", "jupyterhub_idle_culler",
            "--timeout=3",
            "--cull-every=1",
        ],
    },
    # jupyterhub-announcement 0.9.3, "How to Configure It". Changed: the address, which its page
    # has as 127.0.0.1: the proxy is on another host here.
    {
        "name": "announcement",
        "url": "http://hub:8888",
        "command": ["python", "-m", "jupyterhub_announcement"],
    },
]
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubLab]:
    folder = tmp_path_factory.mktemp("services")
    (folder / "jupyterhub_config.py").write_text(CONFIG)
    packages = folder / "requirements.txt"
    packages.write_text("jupyterhub-idle-culler==2.0.0\njupyterhub-announcement==0.9.3\n")
    config = folder / "jupyterhub_config.py"
    with HubLab(hub_config=config, hub_requirements=packages) as lab:
        yield lab


def test_the_idle_culler_stops_a_server_on_another_host(lab: HubLab) -> None:
    """Its page: "identify and stop idle or long-running Jupyter servers"."""
    server = lab.spawn("alice", on="node2")
    end = time.monotonic() + SECONDS
    headers = {"Authorization": f"token {lab.api_token}"}
    url = f"{lab.url}hub/api/users/alice"
    while requests.get(url, headers=headers, timeout=SECONDS).json()["servers"]:
        assert time.monotonic() < end, "alice's server was not culled within a minute"
        time.sleep(0.5)
    _, _, code = lab.exec_in_container(["test", "-d", f"/proc/{server.pid}"], server.host)
    assert code == 1, "the process is still there"
    assert "jupyterhub_idle_culler" in lab.get_logs("hub")[0]


def test_an_announcement_is_seen_by_everybody(lab: HubLab) -> None:
    """Its page: an administrator fills in the form; "visible even to users who are logged out".

    Who is no administrator is refused.
    """
    url = f"{lab.url}services/announcement/"
    posted = {}
    for user, password in (("alice", ""), ("admin", lab.lab.secret("admin_password"))):
        session = browser(lab, user, password)
        page = consent(session, session.get(url, timeout=SECONDS))
        assert page.ok, page.text
        own = [one.value for one in session.cookies if one.name == "_xsrf" and "serv" in one.path]
        form = {"_xsrf": own[0], "announcement": f"{user} has something to say"}
        posted[user] = session.post(f"{url}update", data=form, timeout=SECONDS).status_code
    assert posted == {"alice": 403, "admin": 200}
    assert "alice is not authorized to update announcement" in lab.get_logs("hub")[0]
    latest = requests.get(f"{url}latest", timeout=SECONDS).json()
    assert latest["announcement"] == "admin has something to say"
