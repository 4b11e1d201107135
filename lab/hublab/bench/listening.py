"""Run on a host: start a program and time it from exec to the first connection it accepts.

Arguments: the port, the pid of the process whose environment to copy (0: this one), and the
program. Prints the seconds. In JUPYTERHUB_SERVICE_URL the port replaces the copied one. Uses only
the standard library.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time


def environment(pid: int) -> dict[str, str]:
    """The environment of a process of the same user."""
    if not pid:
        return dict(os.environ)
    with open(f"/proc/{pid}/environ", "rb") as file:
        entries = file.read().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def accepts(port: int) -> bool:
    """Whether a connection to a port of the loopback is accepted."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    port, pid, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    own = environment(pid)
    if url := own.get("JUPYTERHUB_SERVICE_URL"):
        own["JUPYTERHUB_SERVICE_URL"] = re.sub(r":\d+/", f":{port}/", url, count=1)
    if accepts(port):
        sys.exit(f"port {port} is in use")
    with open("/tmp/listening.log", "wb") as log:
        begun = time.monotonic()
        process = subprocess.Popen(argv, env=own, stdout=log, stderr=log, start_new_session=True)
        while not accepts(port):
            if process.poll() is not None or time.monotonic() - begun > 60:
                sys.exit(f"{argv[0]} did not listen; see /tmp/listening.log")
            time.sleep(0.002)
        print(time.monotonic() - begun)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    main()
