"""A hub's log tells of its state at every level that a user sets, and of nothing else below it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ETC = Path(__file__).parents[2] / "compose" / "etc"
SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import state_log
from jupyterhub.app import JupyterHub
from traitlets.config import Config

c = Config()
{text}
state_log.apply(c)
app = JupyterHub(config=c)
app.init_logging()
app.log.info("Running JupyterHub version %s", 1)
app.log.info("200 GET /hub/home")
app.log.warning("something is odd")
app.log.info("JupyterHub is now running at %s", "http://x")
"""
STATE = ["Running JupyterHub version 1", "JupyterHub is now running at http://x"]
ODD = "something is odd"
WITHOUT_CONSOLE = "{'loggers': {'JupyterHub': {'handlers': []}}}"


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("", [STATE[0], "200 GET /hub/home", ODD, STATE[1]]),
        ("c.JupyterHub.log_level = 'WARN'", [STATE[0], ODD, STATE[1]]),
        ("c.Application.log_level = 40", STATE),
        (
            "c.JupyterHub.logging_config = {'handlers': {'console': {'level': 'ERROR'}}}",
            STATE,
        ),
        (f"c.JupyterHub.logging_config = {WITHOUT_CONSOLE}", STATE),
        (
            "c.JupyterHub.logging_config.update({'loggers': {'JupyterHub': {'level': 'WARNING'}}})",
            [STATE[0], ODD, STATE[1]],
        ),
        (
            "c.JupyterHub.log_level = 40\n"
            "c.JupyterHub.logging_config = {'formatters': {'console': {'format': '%(message)s'}}}",
            STATE,
        ),
    ],
)
def test_the_state_is_heard_once_and_the_level_holds(text: str, heard: list[str]) -> None:
    script = SCRIPT.format(folder=str(ETC / "hub"), text=text)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    lines = done.stderr.splitlines()
    assert [line.rpartition("] ")[2] for line in lines] == heard
