"""The one way to query the software of an image: in a throw-away container, without network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hublab.engine import Engine
from hublab.engine.records import File
from hublab.errors import LabError

PYTHON = "/opt/jupyter/bin/python"
"""The Python of hubs and servers in their images."""
CONFIGURABLE_HTTP_PROXY = "/opt/chp/node_modules/.bin/configurable-http-proxy"
SCRIPTS = "/opt/hublab"
"""The folder of an image with the scripts of compose/etc."""
FOLDER = "/tmp"
"""Where the files of a query are put."""


def output_of(
    engine: Engine, image: str, argv: Sequence[str], attempted: str, files: Sequence[File] = ()
) -> str:
    """What a command in an image prints.

    Raises LabError with what was attempted and the error output if the command fails.
    """
    done = engine.run_once(image, argv, files, FOLDER)
    if done.exit_code:
        raise LabError(f"could not {attempted}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def answer_of(
    engine: Engine,
    image: str,
    script: str,
    *arguments: str,
    attempted: str,
    files: Sequence[File] = (),
) -> Any:
    """The JSON that a Python script in an image prints as its last line.

    `script` is a whole path; what the software prints before that line is ignored. Raises LabError.
    """
    argv = [PYTHON, script, *arguments]
    return json.loads(output_of(engine, image, argv, attempted, files).strip().splitlines()[-1])


def proxy_help(engine: Engine, image: str) -> str:
    """The text of `configurable-http-proxy --help`. Raises LabError."""
    argv = [CONFIGURABLE_HTTP_PROXY, "--help"]
    return output_of(engine, image, argv, "list the options of the proxy")


def nginx_directives_of(engine: Engine, image: str) -> list[str]:
    """The directives that a site can have, as nginx said when the image was built.

    Raises LabError.
    """
    argv = ["cat", f"{SCRIPTS}/directives"]
    return output_of(engine, image, argv, "list the directives of nginx").split()
