"""Runs the spawner's tests against a real sshd, in a container made for that."""

from __future__ import annotations

import subprocess
import sys

from images import DOCKERFILE, ROOT, base_image, build_arguments

TARGET = "spawner-test"
IMAGE = "hublab-spawner-test:dev"


def main(arguments: list[str]) -> int:
    """Build the image, quick where nothing has changed, and run its command in a container."""
    if f" AS {TARGET}" not in DOCKERFILE.read_text(encoding="utf-8"):
        print(f"{DOCKERFILE.relative_to(ROOT)} has no target {TARGET} yet", file=sys.stderr)
        return 3
    build = ["docker", "buildx", "build", "--load", "--quiet", "--target", TARGET]
    build += ["--tag", IMAGE, "--file", str(DOCKERFILE), *build_arguments(base_image())]
    print(f"building {IMAGE}", file=sys.stderr, flush=True)
    if code := subprocess.run([*build, str(ROOT)], stdout=subprocess.DEVNULL).returncode:
        return code
    # Without a terminal, without network beyond its own loopback, with a reaping PID 1.
    run = ["docker", "run", "--rm", "--init", "--network", "none", IMAGE, *arguments]
    return subprocess.run(run).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
