#!/bin/sh
# Software: libfaketime 0.9.10-2.1 (Debian 12), loaded into Python.
#
# A good guess: FAKETIME=+1h moves the wall clock by an hour. The monotonic clock, which counts from
# the machine's start, is left alone or moved by the same hour, and
# FAKETIME_DONT_FAKE_MONOTONIC=1 makes sure that it is left alone.
#
# What it does: the monotonic clock becomes the moved wall clock, seconds since 1970, so that
# whatever compares it with another process's, or with the time since the machine's start, is off by
# decades. With FAKETIME_DONT_FAKE_MONOTONIC=1 it is right, but time.sleep() raises EINVAL.
#
# Seen: without anything time.monotonic() is 2490; with FAKETIME=+1h 1795875089, the same as
# time.time(); with FAKETIME_DONT_FAKE_MONOTONIC=1 2490, and OSError(22, 'Invalid argument').
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
need apt-get dpkg
need_python

# Only unpacked, not installed.
cd "$work"
apt-get download libfaketime=0.9.10-2.1 >install.log 2>&1 ||
    cannot "apt-get does not find libfaketime 0.9.10-2.1 (Debian 12, after apt-get update)"
dpkg -x libfaketime_*.deb unpacked
library=$(find "$work/unpacked" -name libfaketime.so.1)

cat >clocks.py <<'EOF'
import time

monotonic, wall = time.monotonic(), time.time()
try:
    time.sleep(0.01)
    slept = "sleeps"
except OSError as error:
    slept = f"sleep() raises {error!r}"
same = "is" if abs(wall - monotonic) < 60 else "is not"
print(f"monotonic {same} wall, {slept}")
EOF

plain=$("$python" clocks.py)
moved=$(LD_PRELOAD=$library FAKETIME=+1h "$python" clocks.py)
kept=$(LD_PRELOAD=$library FAKETIME=+1h FAKETIME_DONT_FAKE_MONOTONIC=1 "$python" clocks.py)
echo "without libfaketime: $plain"
echo "FAKETIME=+1h: $moved"
echo "and FAKETIME_DONT_FAKE_MONOTONIC=1: $kept"
[ "$plain" = "monotonic is not wall, sleeps" ] || cannot "the clocks of this machine are odd"
[ "$moved" = "monotonic is wall, sleeps" ] || changed "the monotonic clock became the wall clock"
[ "$kept" = "monotonic is not wall, sleep() raises OSError(22, 'Invalid argument')" ] ||
    changed "sleep() raised EINVAL"
