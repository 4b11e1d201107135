"""Which lines of an old notebook_config still do something, and which are ignored without a word.

Why it matters: pages of 2018 tell how to open a notebook server to the network with four lines of
NotebookApp, and people still type them. Three of them work, for JupyterLab too, with a warning. The
one that keeps a browser from being started is ignored, and no warning says so: on a machine
with a text browser that starts within the server's terminal and takes its keys.

Sources:
- The recipe: `jupyter notebook --generate-config`, then ip, open_browser, port and password.
- notebook_shim 0.2.4, shim.py, `NotebookConfigShimMixin`: a trait that has moved from NotebookApp
  to ServerApp is passed on, with a warning.
- jupyter_server 2.21, `ServerApp.open_browser`: False by default; ExtensionApp, `open_browser`:
  JupyterLab and Notebook set it to True.
- Python, webbrowser: the variable BROWSER names the program that is started.
"""

from __future__ import annotations

import re
from itertools import product

import pytest

from hublab.scenario import LiveLab

from .machine import (
    CONFIG,
    MACHINE,
    PROGRAMS,
    USER,
    WORD,
    argon2,
    new_home,
    places,
    serving,
    sign_in,
    status,
    surroundings,
)

pytestmark = pytest.mark.topology("lab", "recipes")

PORTS = {"notebook": 7777, "lab": 7778, "server": 7779}
"""Of the commands; the recipes have 7777."""
LINES = """\
c.NotebookApp.ip = '*'
c.NotebookApp.open_browser = False
c.NotebookApp.port = {port}
c.NotebookApp.password = u'{password}'
"""
OPEN = re.compile("not using authentication|All authentication is disabled")
TODAY = "c.ServerApp.open_browser = False\n"
"""The line that does what the recipe wants; see the trait's help."""


@pytest.mark.sabotage("server.ServerApp.open_browser", False)
async def test_each_line_of_four(lab: LiveLab) -> None:
    """Address, port and password hold with a warning each; of the browser there is no word."""
    hashed = await argon2(lab, WORD)
    for command, port in PORTS.items():
        lines = LINES.format(port=port, password=hashed)
        home = await new_home(lab, command, {CONFIG: lines})
        async with serving(lab, "jupyter", command, home=home) as server:
            origin = f"http://{MACHINE}:{port}"
            assert await places(lab, port) & {"0.0.0.0", "*", "[::]"}
            assert await status(lab, origin) == 403
            assert (await sign_in(lab, origin, WORD), await sign_in(lab, origin, "x")) == (302, 401)
            assert await server.warned_of() == {"ip", "port", "password"}
            assert await server.opened_a_browser() == (command != "server")


@pytest.mark.sabotage("server.ServerApp.port", 7781)
async def test_the_line_that_is_meant_today(lab: LiveLab) -> None:
    """ServerApp.open_browser = False starts none, in the very file of the recipe."""
    home = await new_home(lab, "today", {CONFIG: TODAY + "c.NotebookApp.port = 7780\n"})
    for command in PORTS:
        async with serving(lab, "jupyter", command, home=home) as server:
            assert await places(lab, 7780) == {"127.0.0.1"}
            assert not await server.opened_a_browser()


@pytest.mark.sabotage("server.snippet", "../changes/open_servers_say_nothing.py")
@pytest.mark.finding(
    "A server at 0.0.0.0 does not warn that everybody reaches it unencrypted; at '*' it does",
    project="jupyter_server",
    steps="c.NotebookApp.ip = '*' in one configuration and '0.0.0.0' in another; start both.",
    expected="The same warning from both, as both listen at every address.",
    seen="'WARNING: The Jupyter server is listening on all IP addresses and not using encryption' "
    "from the first alone: an empty address counts as all, and 0.0.0.0 does not.",
)
async def test_what_is_left_open(lab: LiveLab) -> None:
    """A token guards the server until it is set to nothing; both spellings of "every address" warn
    of that, and only one of them of the missing encryption.

    Source: jupyter_server, `IdentityProvider.token`: "Setting to an empty string disables
    authentication altogether, which is NOT RECOMMENDED."
    """
    seen = {}
    for number, (ip, token) in enumerate(product(("*", "0.0.0.0"), (True, False)), 7782):
        lines = f"c.NotebookApp.ip = '{ip}'\nc.NotebookApp.port = {number}\n{TODAY}"
        lines += "" if token else "c.NotebookApp.token = ''\n"
        home = await new_home(lab, f"open-{number}", {CONFIG: lines})
        async with serving(lab, "jupyter", "server", home=home) as server:
            log = await server.log()
            answer = await status(lab, f"http://{MACHINE}:{number}")
            assert await places(lab, number) & {"0.0.0.0", "*", "[::]"}
        seen[ip, token] = (answer, "not using encryption" in log, bool(OPEN.search(log)))
    assert seen == {
        ("*", True): (403, True, False),
        ("*", False): (200, True, True),
        ("0.0.0.0", True): (403, False, False),
        ("0.0.0.0", False): (200, False, True),
    }


ON_THE_COMMAND_LINE = ("--NotebookApp.ip=*", "--NotebookApp.open_browser=False")


@pytest.mark.sabotage("server.ServerApp.open_browser", False)
async def test_the_same_on_the_command_line(lab: LiveLab) -> None:
    """There the lines do what they do in a file; `--generate-config` names no NotebookApp."""
    hashed = await argon2(lab, WORD)
    for number, command in enumerate(PORTS, 7790):
        home = await new_home(lab, "options", {})
        own = (f"--NotebookApp.port={number}", f"--NotebookApp.password={hashed}")
        argv = ("jupyter", command, *ON_THE_COMMAND_LINE, *own)
        async with serving(lab, *argv, home=home) as server:
            assert await places(lab, number) & {"0.0.0.0", "*", "[::]"}
            origin = f"http://{MACHINE}:{number}"
            assert (await sign_in(lab, origin, WORD), await sign_in(lab, origin, "x")) == (302, 401)
            assert await server.warned_of() == {"ip", "port", "password"}
            assert await server.opened_a_browser() == (command != "server")
    generate = (f"{PROGRAMS}/jupyter", "notebook", "--generate-config")
    done = await lab.exec(MACHINE, *generate, user=USER, environment=surroundings(home))
    assert done.exit_code == 0, done.stderr
    written = (await lab.read_file(MACHINE, f"{home}/.jupyter/{CONFIG}") or b"").decode()
    assert "c.ServerApp." in written
    assert "c.NotebookApp." not in written
