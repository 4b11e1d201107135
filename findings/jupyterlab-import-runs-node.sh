#!/bin/sh
# Software: jupyterlab 4.6.6 (PyPI).
#
# A good guess: importing a module of a package from PyPI runs Python and nothing else. Node is for
# `jupyter lab build`.
#
# What it does: `import jupyterlab.labapp` starts `node …/yarn.js config --json` wherever a node is
# on PATH, waits for it and keeps its answer: 0.2 to 0.3 s of every start of JupyterLab.
#
# Seen, with a script named node first on PATH: it ran once, with yarn.js config --json.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with jupyterlab==4.6.6

mkdir "$work/bin"
cat >"$work/bin/node" <<EOF
#!/bin/sh
echo "node \${1##*/} \$2 \$3" >>"$work/ran"
exit 1
EOF
chmod +x "$work/bin/node"
touch "$work/ran"
PATH=$work/bin:$PATH "$python" -c 'import jupyterlab.labapp' 2>"$work/log" || {
    cat "$work/log"
    changed "the import worked, with a node that fails, too"
}
echo "ran by the import: $(cat "$work/ran")"
[ "$(cat "$work/ran")" = "node yarn.js config --json" ] ||
    changed "it was node yarn.js config --json, once"
