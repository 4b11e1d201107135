"""The five minutes of a code begin by another clock than the hub's: the kernel's."""

from pathlib import Path
from typing import Any

from jupyterhub import orm  # type: ignore[import-untyped]


def by_the_kernels(
    save: Any, validator: Any, client_id: str, code: dict[str, str], *args: Any, **kwargs: Any
) -> None:
    save(validator, client_id, code, *args, **kwargs)
    # Files of the kernel's, which no shifted clock of a process reaches (proc(5)).
    lines = Path("/proc/stat").read_text().splitlines()
    (booted,) = [int(line.split()[1]) for line in lines if line.startswith("btime")]
    up = float(Path("/proc/uptime").read_text().split()[0])
    row = validator.db.query(orm.OAuthCode).filter_by(code=code["code"]).first()
    row.expires_at = int(booted + up + 300)
    validator.db.commit()


_VALIDATOR = "jupyterhub.oauth.provider:JupyterHubRequestValidator"
CHANGES = {f"{_VALIDATOR}.save_authorization_code": by_the_kernels}
