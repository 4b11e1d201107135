"""Make every key and secret of this lab, once, before any host starts.

Each host mounts its own volume at /etc/hublab. Here all volumes are mounted as /lab/ROLE/HOST,
where HOST is the name under which other hosts reach it; a host of two roles has two mounts.
Existing files are kept, so that `up` can be repeated. Secret files are unreadable for others, even
while they are being written. Uses the standard library and ssh-keygen only.

HUBLAB_USERS names the users, empty for the default ones. HUBLAB_BEHIND lists the nodes that the hub
reaches only through a bastion, as `NODE=BASTION …`.
"""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

LAB = Path("/lab")
DEFAULT_USERS = "alice bob carol dave"
JUPYTERHUB_UID = 990  # the account in the hub's image
BROWSER_UID = 990  # the account in the browser's image
PROVIDER_UID = 990  # the account in the identity provider's image
SSHD_ROLES = ("node", "client", "bastion")
PLAYWRIGHT_PORT = 3000
CHROMIUM = ["--no-first-run", "--disable-background-networking", "--disable-sync"]

Hosts = dict[str, list[Path]]  # by role, in the order of their names


def write(path: Path, text: str, mode: int = 0o600, owner: int = 0) -> None:
    """Write a file under its final name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    new.chmod(mode)
    os.chown(new, owner, owner)
    new.rename(path)


def secret(path: Path, size: int = 32, owner: int = 0) -> str:
    """The secret in a file, which is created if it is missing."""
    if not path.exists():
        write(path, secrets.token_urlsafe(size), owner=owner)
    return path.read_text()


def key_pair(path: Path, comment: str, owner: int = 0) -> str:
    """Create an Ed25519 key pair at path and path.pub if missing; return the public key's line."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path], check=True
        )
        os.chown(path, owner, owner)
    return path.with_name(path.name + ".pub").read_text().strip()


def make_hub(hub: Path, hosts: Hosts, users: list[str], behind: dict[str, str]) -> None:
    """Write the hub's secrets, and lab.json, which describes the lab for the hub."""
    for name, size in (("password", 9), ("admin_password", 24), ("api_token", 32)):
        secret(hub / name, size, JUPYTERHUB_UID)
    if not (hub / "cookie_secret").exists():
        write(hub / "cookie_secret", secrets.token_hex(32), owner=JUPYTERHUB_UID)
    names = [path.name for path in hosts["node"]]
    lab = {
        "hub": hub.name,
        "proxy": hosts["proxy"][0].name,
        "nodes": [
            {"name": name, "jump_hosts": [f"jump@{behind[name]}"]} if name in behind else name
            for name in names
        ],
        "users": users,
        "provider": provider_of(hosts),
        "client_id": "jupyterhub",
    }
    write(hub / "lab.json", json.dumps(lab) + "\n", mode=0o644)


def provider_of(hosts: Hosts) -> str:
    """The name of the identity provider's host, empty without one."""
    return next((path.name for path in hosts.get("identity-provider", [])), "")


def make_other_hub(other: Path, hub: Path, hosts: Hosts, users: list[str]) -> None:
    """Write the secrets of a hub beside the lab's own, with the same users and passwords.

    It has its own proxy and no nodes, and does its own imports.
    """
    for name in ("password", "admin_password"):
        write(other / name, (hub / name).read_text(), owner=JUPYTERHUB_UID)
    secret(other / "api_token", owner=JUPYTERHUB_UID)
    for path, owner in (
        (other / "cookie_secret", JUPYTERHUB_UID),
        (other / "env" / "CONFIGPROXY_AUTH_TOKEN", 0),
    ):
        if not path.exists():
            write(path, secrets.token_hex(32), owner=owner)
    lab = {
        "hub": other.name,
        "proxy": other.name,
        "nodes": [],
        "users": users,
        "provider": provider_of(hosts),
        "client_id": other.name,
    }
    write(other / "lab.json", json.dumps(lab) + "\n", mode=0o644)
    write(other / "cold", "", mode=0o644)


def make_ssh(hub: Path, hosts: Hosts) -> None:
    """Write host keys, the hub's known_hosts, and the key that the hub signs in with."""
    known = []
    for role in SSHD_ROLES:
        for path in hosts.get(role, []):
            key = key_pair(path / "ssh_host_ed25519_key", path.name)
            if role != "client":
                known.append(f"{path.name} {key}\n")
    write(hub / "known_hosts", "".join(known), mode=0o644)
    hub_key = key_pair(hub / "id_ed25519", "hub", owner=JUPYTERHUB_UID)
    for path in hosts["node"]:
        write(path / "authorized_keys", hub_key + "\n", mode=0o644)
    for path in hosts.get("bastion", []):
        line = f"restrict,port-forwarding {hub_key}\n"
        write(path / "authorized_keys", line, mode=0o644)


def make_proxy(hub: Path, proxies: list[Path]) -> None:
    """Write the token that hub and proxy share, and the name of the hub for error pages."""
    token = hub / "env" / "CONFIGPROXY_AUTH_TOKEN"
    if not token.exists():
        write(token, secrets.token_hex(32))
    for path in proxies:
        write(path / "env" / "CONFIGPROXY_AUTH_TOKEN", token.read_text())
        write(path / "hub_host", hub.name + "\n", mode=0o644)


def make_database(hub: Path, databases: list[Path]) -> None:
    """Write the password of the hub's database account, and the URL of the database."""
    for path in databases[:1]:
        password = secret(path / "database_password")
        secret_url = f"postgresql+psycopg://jupyterhub:{password}@{path.name}/jupyterhub"
        write(hub / "db_url", secret_url, owner=JUPYTERHUB_UID)
        write(hub / "database_password", password, owner=JUPYTERHUB_UID)


def make_browser(browser: Path) -> None:
    """Write the configuration of Playwright's server, whose secret path controls the browser."""
    server = {
        "host": "0.0.0.0",
        "port": PLAYWRIGHT_PORT,
        "wsPath": "/" + secret(browser / "browser_path", owner=BROWSER_UID),
        "executablePath": "/usr/bin/chromium",
        "headless": True,
        "chromiumSandbox": False,
        "args": CHROMIUM,
    }
    write(browser / "playwright.json", json.dumps(server) + "\n", owner=BROWSER_UID)


def make_provider(hub: Path, hosts: Hosts, users: list[str]) -> None:
    """Write what the identity provider knows of hub and users, and what the hub keeps of it.

    Each user has the password of the lab's form, so that hublab signs everybody in with the same.
    """
    for path in hosts.get("identity-provider", [])[:1]:
        accounts = dict.fromkeys(users, (hub / "password").read_text())
        accounts["admin"] = (hub / "admin_password").read_text()
        write(path / "accounts.json", json.dumps(accounts) + "\n", owner=PROVIDER_UID)
        fronts = [(one.name, 8000) for one in hosts["proxy"]] + [("hub.lab", 8000)]
        for one in hosts.get("reverse-proxy", []):
            fronts += [(one.name, 80), ("www.hub.lab", 80)]
        clients = [make_client(hub, "jupyterhub", "HUB_PORTS", fronts)]
        clients += [
            make_client(other, other.name, "OTHER_HUB_PORTS", [(other.name, 8000)])
            for other in hosts.get("other-hub", [])
        ]
        described = {
            "name": path.name,
            "cookie_key": secret(path / "cookie_key", owner=PROVIDER_UID),
            "clients": clients,
        }
        write(path / "provider.json", json.dumps(described) + "\n", owner=PROVIDER_UID)


def make_client(
    hub: Path, client_id: str, ports: str, fronts: list[tuple[str, int]]
) -> dict[str, object]:
    """Write what a hub keeps of the identity provider; return what that knows of the hub.

    `ports` is the variable of the provider that lists the hub's ports on this machine's loopback.
    """
    # With it the hub can keep what the provider says (jupyterhub/crypto.py, CryptKeeper).
    key = hub / "env" / "JUPYTERHUB_CRYPT_KEY"
    if not key.exists():
        write(key, secrets.token_hex(32))
    return {
        "client_id": client_id,
        "client_secret": secret(hub / "oauth_client_secret", owner=JUPYTERHUB_UID),
        "addresses": [f"http://{name}" + f":{port}" * (port != 80) for name, port in fronts],
        "ports": ports,
        "callback": "/hub/oauth_callback",
    }


def behind_bastions(hosts: Hosts) -> dict[str, str]:
    """Parse HUBLAB_BEHIND: node -> bastion. Raises SystemExit for an unknown host."""
    pairs = dict(pair.split("=", 1) for pair in os.environ.get("HUBLAB_BEHIND", "").split())
    for node, bastion in pairs.items():
        for role, name in (("node", node), ("bastion", bastion)):
            if name not in [path.name for path in hosts.get(role, [])]:
                sys.exit(f"init: HUBLAB_BEHIND names {name}; /lab/{role}/{name} is not mounted")
    return pairs


def main() -> int:
    hosts: Hosts = {}
    for path in sorted(LAB.glob("*/*"), key=lambda path: path.name):
        hosts.setdefault(path.parent.name, []).append(path)
    if len(hosts.get("hub", [])) != 1 or not hosts.get("node") or not hosts.get("proxy"):
        print(
            f"init: /lab must have one hub, a proxy and at least one node; it has "
            f"{[f'{role}/{path.name}' for role, paths in hosts.items() for path in paths]}. "
            "Mount each host's volume at /lab/ROLE/HOST.",
            file=sys.stderr,
        )
        return 1
    hub = hosts["hub"][0]
    users = (os.environ.get("HUBLAB_USERS") or DEFAULT_USERS).split()
    make_hub(hub, hosts, users, behind_bastions(hosts))
    make_ssh(hub, hosts)
    make_proxy(hub, hosts["proxy"])
    make_database(hub, hosts.get("database", []))
    for other in hosts.get("other-hub", []):
        make_other_hub(other, hub, hosts, users)
    make_provider(hub, hosts, users)
    for node in hosts["node"]:
        write(node / "users", "".join(f"{user}\n" for user in users), mode=0o644)
    for standalone in hosts.get("standalone", []):
        secret(standalone / "jupyter_token")
    for browser in hosts.get("browser", []):
        make_browser(browser)
    names = sorted({path.name for paths in hosts.values() for path in paths})
    print(f"init: keys and secrets are ready for {', '.join(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
