#!/bin/sh
# Software: jupyterlab 4.6.6 with jupyter_server 2.21.1 and notebook_shim 0.2.4 (PyPI).
#
# A good guess: of an old configuration file either all lines for NotebookApp still work, with a
# warning, or none does. The warning about one of them shows that the file is understood.
#
# What it does: NotebookApp.port works, with a warning that it has moved to ServerApp.
# NotebookApp.open_browser = False beside it does nothing, without a word: `jupyter lab` opens a
# browser.
#
# Seen, with a script as the browser: the port of the file, a warning for port alone, and
# the browser was started.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with jupyterlab==4.6.6 jupyter_server==2.21.1 notebook_shim==0.2.4

cat >"$work/browser" <<EOF
#!/bin/sh
echo "\$1" >"$work/opened"
EOF
chmod +x "$work/browser"

HOME=$work BROWSER="$work/browser %s" JUPYTER_CONFIG_DIR=$work/config "$python" - "$work" <<'EOF'
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

work = Path(sys.argv[1])
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
config = work / "config"
config.mkdir()
config.joinpath("jupyter_server_config.py").write_text(
    f"c.NotebookApp.open_browser = False\nc.NotebookApp.port = {port}\n"
)
log = work / "log"
with log.open("w") as stderr:
    lab = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", "--allow-root"],
        cwd=work,
        stderr=stderr,
    )
try:
    opened, until = work / "opened", time.monotonic() + 40
    # The browser is started after the server listens.
    while not opened.exists() and lab.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
finally:
    lab.terminate()
    lab.wait(20)
words = log.read_text()
listens = f"http://127.0.0.1:{port}/" in words
moved = re.findall(r"'(\w+)' has moved from NotebookApp", words)
print(f"the port of the file: {listens}; warnings for {moved}; browser started: {opened.exists()}")
if not listens:
    print(words[-2000:])
    sys.exit("changed: NotebookApp.port decided the port")
if moved != ["port"] or "open_browser" in words or not opened.exists():
    sys.exit("changed: NotebookApp.open_browser was ignored without a word")
EOF
