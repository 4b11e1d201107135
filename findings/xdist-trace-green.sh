#!/bin/sh
# Software: pytest-xdist 3.8.0 with pytest 9.1.1 (PyPI).
#
# A good guess: `pytest -n 2 --trace` is refused as `pytest -n 2 --pdb` is, since no debugger can
# be used in a worker.
#
# What it does: --pdb is refused. --trace is accepted, no debugger appears, no line of any test
# runs, and every test passes, also one that can only fail.
#
# Seen: a file whose only test ends with `assert False`:
#   pytest -n 2: 1 failed, exit code 1
#   pytest -n 2 --pdb: exit code 4 (wrong use)
#   pytest -n 2 --trace: 1 passed, exit code 0
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with pytest==9.1.1 pytest-xdist==3.8.0

cat >"$work/test_it.py" <<'EOF'
def test_that_can_only_fail():
    open("ran", "w").close()
    assert False
EOF
cd "$work"

run() {
    status=0
    timeout 30 "$python" -m pytest -q -p no:cacheprovider "$@" test_it.py >log 2>&1 </dev/null ||
        status=$?
    echo "pytest $*: exit code $status, $(grep -E '^[0-9]+ (passed|failed)|^ERROR' log || true)"
}

run -n 2
[ "$status" = 1 ] || changed "without --trace the test failed"
run -n 2 --pdb
[ "$status" = 4 ] || changed "--pdb was refused with 4"
rm -f ran
run -n 2 --trace
if [ "$status" != 0 ] || ! grep -q '1 passed' log; then changed "with --trace the test passed"; fi
[ ! -e ran ] || changed "with --trace no line of the test ran"
