#!/bin/sh
# Software: jsonschema 4.26.0 with rfc3987-syntax 1.1.0 and lark 1.3.1 (PyPI). jsonschema's extra
# format-nongpl, which many packages ask for, brings the latter two.
#
# A good guess: importing jsonschema costs some hundredths of a second; what a format needs is made
# when a schema uses it. Another package beside it cannot make the import faster.
#
# What it does: at each import rfc3987-syntax builds a parser of a whole grammar, whether a schema
# has that format or not. jsonschema prefers the package rfc3987 (whose licence is the GPL) where
# it is there, and does not import the other. So one more package makes the import faster.
#
# Seen: 2.2 s, with rfc3987 1.3.8 beside it 0.14 s.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with jsonschema==4.26.0 rfc3987-syntax==1.1.0 lark==1.3.1
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$work/beside" \
    rfc3987==1.3.8 >"$work/install.log" 2>&1 || cannot "pip could not install rfc3987"

"$python" - "$work/beside" <<'EOF'
import os
import statistics
import subprocess
import sys
import time

ENOUGH = 2


def seconds(environment):
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import jsonschema"], check=True, env=environment)
    return time.perf_counter() - begun


alone, beside = [], []
plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
for _ in range(5):  # in turn, so that other work on the machine slows both
    alone.append(seconds(plain))
    beside.append(seconds(plain | {"PYTHONPATH": sys.argv[1]}))
slow, fast = statistics.median(alone[1:]), statistics.median(beside[1:])
print(f"import jsonschema: {slow:.2f} s, with rfc3987 beside it {fast:.2f} s")
if slow / fast < ENOUGH:
    sys.exit(f"changed: it was more than {ENOUGH} times as fast with rfc3987")
EOF
