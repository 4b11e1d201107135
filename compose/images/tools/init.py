"""Make every key and secret of this lab, once, before any host starts.

Each host mounts a volume of its own at /etc/hublab; here they stand side by side as
/lab/ROLE/HOST. What exists is kept, so that `up` may be said again. Standard library
and ssh-keygen only. Secrets are written with their owner's rights from the first byte.
"""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

LAB = Path("/lab")
JUPYTERHUB_UID = 990  # the account in the hub's image


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


def key_pair(path: Path, comment: str, owner: int = 0) -> str:
    """An Ed25519 pair at path and path.pub; returns the public line."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path], check=True
        )
        os.chown(path, owner, owner)
    return path.with_name(path.name + ".pub").read_text().strip()


def make_hub(hub: Path, nodes: list[str], host_keys: dict[str, str], users: list[str]) -> str:
    """What the hub's host keeps; returns the public key that it signs in with."""
    if not (hub / "password").exists():
        for name, size in (("password", 9), ("admin_password", 24), ("api_token", 32)):
            write(hub / name, secrets.token_urlsafe(size), owner=JUPYTERHUB_UID)
        write(hub / "cookie_secret", secrets.token_hex(32), owner=JUPYTERHUB_UID)
    write(
        hub / "known_hosts",
        "".join(f"{name} {key}\n" for name, key in host_keys.items()),
        mode=0o644,
    )
    write(hub / "lab.json", json.dumps({"nodes": nodes, "users": users}) + "\n", mode=0o644)
    return key_pair(hub / "id_ed25519", "hub", owner=JUPYTERHUB_UID)


def main() -> int:
    hosts = sorted((path.parent.name, path) for path in LAB.glob("*/*") if path.is_dir())
    nodes = [path for role, path in hosts if role == "node"]
    hubs = [path for role, path in hosts if role == "hub"]
    if len(hubs) != 1 or not nodes:
        print(
            f"init: /lab must hold one hub and at least one node; it holds "
            f"{[f'{role}/{path.name}' for role, path in hosts]}. "
            "Mount each host's volume at /lab/ROLE/HOST.",
            file=sys.stderr,
        )
        return 1
    host_keys = {
        path.name: key_pair(path / "ssh_host_ed25519_key", path.name)
        for role, path in hosts
        if role in ("node", "client")
    }
    users = os.environ.get("HUBLAB_USERS", "alice bob carol dave").split()
    node_keys = {path.name: host_keys[path.name] for path in nodes}
    hub_key = make_hub(hubs[0], [path.name for path in nodes], node_keys, users)
    for path in nodes:
        write(path / "authorized_keys", hub_key + "\n", mode=0o644)
    token_file = hubs[0] / "env" / "CONFIGPROXY_AUTH_TOKEN"
    if not token_file.exists():
        write(token_file, secrets.token_hex(32))
    for role, path in hosts:
        if role == "proxy":
            write(path / "env" / "CONFIGPROXY_AUTH_TOKEN", token_file.read_text())
    print(f"init: keys and secrets are ready for {', '.join(path.name for _, path in hosts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
