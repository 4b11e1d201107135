"""Builds the images of the default lab, as `hublab up` would; `--base` only prints their base."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hublab.engine import Engine
from hublab.machine.authorities import authorities
from hublab.machine.base_image import choose_base, choose_old_base

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "compose" / "images" / "Dockerfile"
TARGETS = ("tools", "hub", "proxy", "node", "client")


def base_image() -> str:
    """The image to build on; pulled or built if the engine has none."""
    return choose_base(Engine.connect(), say)


def old_base_image() -> str:
    """The same of Debian 12."""
    return choose_old_base(Engine.connect(), say)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def build_arguments(base: str) -> list[str]:
    """The build arguments of compose/lab.yaml."""
    return ["--build-arg", f"BASE={base}", "--secret", f"id=ca,src={authorities()}"]


def main(arguments: list[str]) -> int:
    base = base_image()
    if "--base" in arguments:
        print(base)
        return 0
    for target in TARGETS:
        print(f"==> {target}", file=sys.stderr, flush=True)
        build = ["docker", "buildx", "build", "--load", "--progress", "plain", "--target", target]
        build += ["--tag", f"hublab-{target}:dev", "--file", str(DOCKERFILE)]
        done = subprocess.run([*build, *build_arguments(base), str(ROOT)])
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
