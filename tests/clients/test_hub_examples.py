"""The examples in JupyterHub's own source archive, on several hosts.

Each runs as its README says, but for the changes that stand beside it with their reason. Most are
one: an example's service is at 127.0.0.1, where a proxy on another host does not find it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from trial import SECONDS, Change, browser, changed, consent, examples, installed, run, token_of

from hublab.addresses import LOOPBACK
from hublab.testcontainers import HubLab

pytestmark = pytest.mark.slow

ANOTHER_HOST = "the proxy is on another host, where 127.0.0.1 is itself"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return examples(tmp_path_factory.mktemp("jupyterhub"))


def copy_of(sources: Path, name: str, target: Path) -> Path:
    """A copy of an example, for changes."""
    return Path(shutil.copytree(sources / name, target / name))


def here(port: int) -> Change:
    return Change(f"'http://127.0.0.1:{port}'", f"'http://hub:{port}'", ANOTHER_HOST)


def beside(name: str) -> Change:
    """For a service whose command is a script of the example's folder."""
    why = "its README starts the hub in the example's folder, where './script.py' is"
    return Change(f"'name': '{name}',", f"'name': '{name}', 'cwd': '/etc/hublab/own',", why)


WHOAMI = (here(10101), here(10102), beside("whoami-api"), beside("whoami-oauth"))


def test_service_whoami(sources: Path, tmp_path: Path) -> None:
    """A user in a browser, and a program with a token, each learn who they are.

    The README's address, /services/whoami-oauth, is a loop for a browser, on any number of hosts:
    the service answers there, too, and its cookie is for /services/whoami-oauth/, which is no
    prefix of it (RFC 6265, 5.1.4). With the slash it works.
    """
    example = copy_of(sources, "service-whoami", tmp_path)
    config = changed(example / "jupyterhub_config.py", *WHOAMI)
    with HubLab(hub_config=config) as lab:
        session = browser(lab, "alice")
        page = consent(session, session.get(f"{lab.url}services/whoami-oauth/", timeout=SECONDS))
        known = page.json()
        assert (known["name"], known["kind"], known["admin"]) == ("alice", "user", False)
        assert "access:services!service=whoami-oauth" in known["scopes"]
        with pytest.raises(requests.TooManyRedirects):
            session.get(f"{lab.url}services/whoami-oauth", timeout=SECONDS)
        headers = {"Authorization": f"token {token_of(lab, 'bob')}"}
        url = f"{lab.url}services/whoami-api/"
        known = requests.get(url, headers=headers, timeout=SECONDS).json()
        assert known["name"] == "bob"
        assert "access:servers!user=bob" in known["scopes"]
        assert requests.get(url, timeout=SECONDS).status_code == 403


def test_service_fastapi(sources: Path, tmp_path: Path) -> None:
    """The curl commands of its README."""
    example = copy_of(sources, "service-fastapi", tmp_path)
    config = changed(
        example / "jupyterhub_config.py",
        Change('"http://127.0.0.1:10202"', '"http://hub:10202"', ANOTHER_HOST),
        Change(
            '"--port", "10202"',
            '"--port", "10202", "--host", "0.0.0.0", "--app-dir", os.path.dirname(__file__)',
            "uvicorn listens on 127.0.0.1 by default; its README starts the hub in this folder",
        ),
        Change('{"test-user"}', '{"alice"}', "who has an account on the nodes"),
    )
    needs = example / "requirements.txt"
    with HubLab(hub_config=config, hub_requirements=needs) as lab:
        url = f"{lab.url}services/fastapi/"
        assert requests.get(url, timeout=SECONDS).json() == {"Hello": "World"}
        refused = requests.get(f"{url}me", timeout=SECONDS)
        assert (refused.status_code, refused.json()["detail"]) == (
            401,
            "Must login with token parameter or Authorization bearer header",
        )
        headers = {"Authorization": f"Bearer {token_of(lab, 'alice')}"}
        known = requests.get(f"{url}me", headers=headers, timeout=SECONDS).json()
        assert known["name"] == "alice"
        assert "access:services" in known["scopes"]


def test_custom_scopes(sources: Path, tmp_path: Path) -> None:
    """Who may read grades, and who may enter them: roles of the hub's that a service asks for."""
    example = copy_of(sources, "custom-scopes", tmp_path)
    config = changed(example / "jupyterhub_config.py", here(10101), beside("grades"))
    with HubLab(hub_config=config) as lab:
        url = f"{lab.url}services/grades/"
        may_read = {}
        for user in ("student", "instructor", "grader"):
            session = browser(lab, user)
            own = consent(session, session.get(url, timeout=SECONDS))
            assert f"My name is: {user}" in own.text
            may_read[user] = session.get(f"{url}grades/", timeout=SECONDS).status_code
        assert may_read == {"student": 403, "instructor": 200, "grader": 200}


def test_external_oauth(sources: Path, tmp_path: Path) -> None:
    """`whoami-oauth-basic`: a service that knows the hub by its public address alone."""
    example = copy_of(sources, "external-oauth", tmp_path)
    port = free_port()
    config = changed(
        example / "jupyterhub_config.py",
        Change("127.0.0.1:5555", f"127.0.0.1:{port}", "5555 may be taken on this machine"),
    )
    bin_ = installed(tmp_path / "venv", "tornado", "oauthlib")
    secret = secrets.token_hex(32)
    with HubLab(hub_config=config, environment={"JUPYTERHUB_API_TOKEN": secret}) as lab:
        variables = {
            "JUPYTERHUB_API_TOKEN": secret,
            "JUPYTERHUB_CLIENT_ID": "service-oauth-client-test",
            "JUPYTERHUB_URL": lab.url,
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        }
        with served(bin_ / "python", example / "whoami-oauth-basic.py", variables, port):
            session = browser(lab, "alice")
            asked = session.get(f"http://127.0.0.1:{port}/", timeout=SECONDS)
            assert consent(session, asked).json()["name"] == "alice"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(python: Path, script: Path, variables: dict[str, str], port: int) -> Iterator[None]:
    """A service that runs on this machine for a block of code."""
    process = subprocess.Popen([python, script], env={**os.environ, **variables})
    try:
        end = time.monotonic() + SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((LOOPBACK, port)) == 0:
                    break
            assert process.poll() is None, f"{script.name} ended"
            assert time.monotonic() < end, f"{script.name} does not listen"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


def test_service_announcement(sources: Path, tmp_path: Path) -> None:
    """The curl commands of its README, and the hub's pages, which fetch the announcement."""
    example = copy_of(sources, "service-announcement", tmp_path)
    config = changed(
        example / "jupyterhub_config.py",
        Change("f'http://127.0.0.1:{port}'", "f'http://hub:{port}'", ANOTHER_HOST),
        beside("announcement"),
        Change('["templates"]', '["/etc/hublab/own/templates"]', "as of the script"),
    )
    with HubLab(hub_config=config) as lab:
        url = f"{lab.url}services/announcement/"
        text = {"announcement": "JupyterHub will be upgraded on August 14!"}
        posted = {}
        for user in ("otheruser", "announcer"):
            headers = {"Authorization": f"token {token_of(lab, user)}"}
            answer = requests.post(url, headers=headers, json=text, timeout=SECONDS)
            posted[user] = answer.status_code
        assert posted == {"otheruser": 403, "announcer": 200}
        seen = requests.get(url, timeout=SECONDS).json()
        assert (seen["announcement"], seen["user"]) == (text["announcement"], "announcer")
        page = requests.get(f"{lab.url}hub/login", timeout=SECONDS)
        assert "/services/announcement/" in page.text


def test_user_sharing(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`share-api.ipynb` in a kernel of sharer's, on another host, and its link in a browser."""
    monkeypatch.setenv("HUBLAB_USERS", "sharer shared-with")  # who have accounts on the nodes
    example = copy_of(sources, "user-sharing", tmp_path)
    config = changed(
        example / "jupyterhub_config.py",
        Change(
            "c.Spawner.notebook_dir = str(here)",
            "",
            "that folder is on the hub's host, and servers run on others",
        ),
    )
    cells = json.loads((example / "share-api.ipynb").read_text())["cells"]
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    until_link = codes[: next(n for n, code in enumerate(codes) if "accept_url" in code)]
    with HubLab(hub_config=config) as lab:
        lab.spawn("sharer", on="node2")
        own = f"{lab.url}user/sharer/api/me"
        other = browser(lab, "shared-with")
        before = consent(other, other.get(f"{lab.url}user/sharer/", timeout=SECONDS))
        assert before.status_code == 403
        code = "\n".join([*until_link, "print(code_info['accept_url'])"])
        said = run(sys.executable, "-m", "hublab", "cell", "sharer", code, "--name", lab.lab_name)
        link = re.search(r"/hub/accept-share\?code=[\w-]+", said)
        assert link, said
        page = other.get(f"{lab.url.rstrip('/')}{link[0]}", timeout=SECONDS)
        assert "sharer" in page.text
        form = dict(re.findall(r'name="(\w+)"[^>]*value="([^"]*)"', page.text))
        accepted = other.post(page.url, data=form, timeout=SECONDS)
        consent(other, accepted)
        assert other.get(own, timeout=SECONDS).json()["identity"]["username"] == "shared-with"
