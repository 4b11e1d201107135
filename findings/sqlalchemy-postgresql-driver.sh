#!/bin/sh
# Software: SQLAlchemy 2.1.9 with psycopg2-binary 2.9.13 (PyPI).
#
# A good guess: `postgresql://` is psycopg2, as it was for more than ten years, or whichever driver
# is installed.
#
# What it does: since 2.1 it is psycopg, version 3, and nothing else is looked for: with psycopg2
# alone create_engine() ends in an error that does not mention psycopg2. `postgresql+psycopg2://`
# works as before.
#
# Seen: postgresql:// raised ModuleNotFoundError("No module named 'psycopg'");
# postgresql+psycopg2:// has the driver psycopg2.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with SQLAlchemy==2.1.9 psycopg2-binary==2.9.13

"$python" - <<'EOF'
import sys

from sqlalchemy import create_engine

# No connection is made before the engine is used.
explicit = create_engine("postgresql+psycopg2://127.0.0.1/any").driver
print("postgresql+psycopg2:// has the driver", explicit)
try:
    implicit = create_engine("postgresql://127.0.0.1/any").driver
except ModuleNotFoundError as error:
    print(f"postgresql:// raised {error!r}")
    if error.name != "psycopg":
        sys.exit("changed: psycopg was missed")
else:
    sys.exit(f"changed: postgresql:// has the driver {implicit}")
EOF
