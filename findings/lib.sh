# Sourced by each finding: a temporary folder $work that goes at the end, and the verdicts.
# A finding that gets to its end stands (exit code 0).
# shellcheck shell=sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# exit code 1: the software behaves otherwise than the header says
changed() {
    echo "changed: $*"
    exit 1
}

# exit code 3: this machine lacks something, which is named
cannot() {
    echo "cannot run here: $*"
    exit 3
}

need() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null || cannot "$tool is missing"
    done
}

# Set $python to a Python >= 3.11. A name on PATH may be a shim that fails, so each is run.
need_python() {
    for python in python3.13 python3.12 python3.11 python3; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            return
        fi
    done
    cannot "no Python >= 3.11"
}

# Set $python to one that has the packages named, in an environment of its own.
python_with() {
    need_python
    "$python" -m venv "$work/venv" >"$work/install.log" 2>&1 || cannot "$python makes no venv"
    python=$work/venv/bin/python
    "$python" -m pip install --quiet --disable-pip-version-check --no-input --no-compile "$@" \
        >"$work/install.log" 2>&1 </dev/null || {
        tail -n 5 "$work/install.log"
        cannot "pip could not install $*"
    }
    # Settings of this machine are no part of a finding. Bytecode is written when it is used.
    unset PYTHONDONTWRITEBYTECODE PYTHONPATH http_proxy https_proxy no_proxy all_proxy
    unset HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY
}

# Install packages of npm into $work/node_modules.
node_with() {
    need node npm
    npm install --silent --no-audit --no-fund --prefix "$work" "$@" \
        >"$work/install.log" 2>&1 </dev/null || {
        tail -n 5 "$work/install.log"
        cannot "npm could not install $*"
    }
}
