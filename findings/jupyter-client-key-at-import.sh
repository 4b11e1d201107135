#!/bin/sh
# Software: jupyter_client 8.10.0 (PyPI).
#
# A good guess: the key that signs a server's messages to its kernels is drawn when a server makes its
# session, so that processes forked from one that has only imported jupyter_client have keys of their
# own.
#
# What it does: a key is drawn when jupyter_client.session is imported, and is the same in all that are
# forked from there. What secures a command line by default (session_flags) uses it.
#
# Seen:
#   two forks of one import: the same key
#   two imports: different keys
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with jupyter_client==8.10.0

"$python" - <<'EOF'
import subprocess
import sys

LOOK = """
import hashlib
from jupyter_client.session import session_flags
key = session_flags["secure"][0]["Session"]["key"]
"""
SHOW = "print(hashlib.sha256(key).hexdigest())"


def printed(code):
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.split()


forks = printed(
    LOOK + "import os, sys\nfor _ in range(2):\n    if not os.fork():\n        "
    "from jupyter_client.session import session_flags as again\n        "
    "key = again['secure'][0]['Session']['key']\n        " + SHOW + "\n        "
    "sys.stdout.flush()\n        os._exit(0)\n    os.wait()\n"
)
imports = printed(LOOK + SHOW) + printed(LOOK + SHOW)
print(f"two forks of one import: {'the same key' if len(set(forks)) == 1 else 'different keys'}")
print(f"two imports: {'the same key' if len(set(imports)) == 1 else 'different keys'}")
if (len(forks), len(set(forks)), len(set(imports))) != (2, 1, 2):
    sys.exit("changed: the key is not drawn at the import, or not only then")
EOF
