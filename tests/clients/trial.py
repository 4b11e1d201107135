"""What the tests of real clients share: programs fetched as their pages say, files with changes."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import requests

from hublab.paths import ROOT
from hublab.testcontainers import HubLab

CONSTRAINTS = ROOT / "lab" / "constraints.txt"
JUPYTERHUB = "6.1.1"
JUPYTERHUB_SHA256 = "1d7b6713b31ebd76d61a13c202f9323e66c4e8cf731adc5d3052bb6ee6178a95"
"""Of its source archive on the index, which has the examples."""
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Change:
    """What a page or an example says, what it must say here, and why."""

    theirs: str
    ours: str
    why: str


def changed(path: Path, *changes: Change) -> Path:
    """A file with changes; each must still be one, or its reason is gone."""
    text = path.read_text()
    for one in changes:
        assert text.count(one.theirs) == 1, f"{path.name} does not say {one.theirs!r} any more"
        text = text.replace(one.theirs, one.ours)
    path.write_text(text)
    return path


def installed(folder: Path, *requirements: str) -> Path:
    """The `bin` of a new environment with programs of the index."""
    run(sys.executable, "-m", "venv", folder)
    pip = folder / "bin" / "pip"
    run(pip, "install", "--quiet", "--constraint", CONSTRAINTS, *requirements)
    return folder / "bin"


def examples(folder: Path) -> Path:
    """The examples in JupyterHub's source archive, fetched now and compared with its digest."""
    listed = folder / "requirements.txt"
    listed.write_text(f"jupyterhub=={JUPYTERHUB} --hash=sha256:{JUPYTERHUB_SHA256}\n")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    run(*pip, "--no-binary", "jupyterhub", "--dest", folder, "--requirement", listed)
    (archive,) = folder.glob("jupyterhub-*.tar.gz")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == JUPYTERHUB_SHA256
    with tarfile.open(archive) as opened:
        members = [one for one in opened if "/examples/" in one.name]
        opened.extractall(folder, members, filter="data")
    return folder / f"jupyterhub-{JUPYTERHUB}" / "examples"


def run(*argv: str | Path, environment: dict[str, str] | None = None) -> str:
    """What a program prints; it must end with 0."""
    done = subprocess.run(
        [*map(str, argv)],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{argv[0]}: {done.stderr[-3000:]}{done.stdout[-1000:]}"
    return done.stdout


def browser(lab: HubLab, user: str, password: str = "") -> requests.Session:
    """A browser in which a user has signed in at the hub's own form."""
    session = requests.Session()
    session.get(f"{lab.url}hub/login", timeout=SECONDS)
    own = session.cookies["_xsrf"]
    form = {"username": user, "password": password or lab.password, "_xsrf": own}
    answer = session.post(f"{lab.url}hub/login", data=form, timeout=SECONDS, allow_redirects=False)
    assert answer.status_code == 302, f"{user} is not signed in: {answer.status_code}"
    return session


def consent(session: requests.Session, page: requests.Response) -> requests.Response:
    """Press "Authorize" on the hub's page, where it asks whether a service may know who one is."""
    if "oauth2/authorize" not in page.url or not page.ok:
        return page
    form = dict(re.findall(r'name="(_xsrf|scopes)"[^>]*value="([^"]*)"', page.text))
    scopes = re.findall(r'name="scopes"[^>]*value="([^"]*)"', page.text)
    data = [("_xsrf", form["_xsrf"]), *(("scopes", scope) for scope in scopes)]
    headers = {"Referer": page.url}
    return session.post(page.url, data=data, headers=headers, timeout=SECONDS)


def token_of(lab: HubLab, user: str) -> str:
    """A token of a user, as the hub's page /hub/token makes one."""
    own = {"Authorization": f"token {lab.api_token}"}
    url = f"{lab.url}hub/api/users/{user}"
    requests.post(url, headers=own, timeout=SECONDS)  # 409 where the user is known
    made = requests.post(f"{url}/tokens", headers=own, json={"note": "trial"}, timeout=SECONDS)
    assert made.status_code == 201, made.text
    return str(made.json()["token"])
