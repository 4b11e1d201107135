"""The warm parent as one file of Python, to be installed, or started by the launcher."""

from __future__ import annotations

from functools import cache
from importlib import resources

from .. import launcher, warm

HEADER = '''\
"""Forks single-user servers that need not import anything: jupyterhub-sshspawner's warm parent.

Made by `jupyterhub-sshspawner warm --program` of version {version}. Run it as root:

    /usr/bin/python3 -IS {{this file}} --python /opt/jupyter/bin/python
"""

'''

LOADER = """\
import sys
import types

for name in ("sshspawner", "sshspawner.launcher", "sshspawner.warm"):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = []
    if "." in name:
        setattr(sys.modules["sshspawner"], name.partition(".")[2], package)
for name, source in SOURCES:
    module = sys.modules["sshspawner." + name] = types.ModuleType("sshspawner." + name)
    module.__package__ = "sshspawner." + name.partition(".")[0]
    setattr(sys.modules[module.__package__], name.partition(".")[2], module)
    exec(compile(source, "jupyterhub-sshspawner/%s.py" % name, "exec"), module.__dict__)
del SOURCES, package, module, source, name
sys.modules["sshspawner.warm.stages"].main()
"""


@cache
def warm_program(version: str) -> str:
    """Its text, which needs nothing but a Python 3.8 with its standard library."""
    folders = {"launcher": resources.files(launcher), "warm": resources.files(warm)}
    parts = [HEADER.format(version=version), "SOURCES = [\n"]
    for name in warm.ORDER:
        folder, _, module = name.partition(".")
        source = folders[folder].joinpath(f"{module}.py").read_text("utf-8")
        parts.append(f"    ({name!r}, {source!a}),\n")
    return "".join([*parts, "]\n", LOADER])


UNIT = """\
# /etc/systemd/system/jupyterhub-sshspawner-warm.service
# No sandboxing options here: most of them give the service namespaces of its own, and a server
# must have those of its user's login. Where they differ, servers start cold, and say so.
[Unit]
Description=Forks single-user servers for jupyterhub-sshspawner
After=network.target

[Service]
ExecStart=/usr/bin/python3 -IS {program} --python {python}
RuntimeDirectory=jupyterhub-sshspawner
RuntimeDirectoryMode=0755
# A restart of this service is no restart of anybody's server.
KillMode=process
RuntimeDirectoryPreserve=restart
OOMPolicy=continue
KeyringMode=inherit
Restart=always
RestartSec=5
RestartPreventExitStatus=64 78

[Install]
WantedBy=multi-user.target
"""


def warm_unit(program: str, python: str) -> str:
    """A unit for systemd that runs the program."""
    return UNIT.format(program=program, python=python)
