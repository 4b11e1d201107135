"""A notebook server's password: which hashes count, and which of two, the old one or the new one.

Why it matters: a password is changed because somebody knows the old one. On a machine that was set
up by a recipe, `jupyter notebook password` says that it has written the new password, and the
old one goes on opening the server.

Sources:
- The recipes: `notebook.auth.passwd` (argon2), `IPython.lib.passwd` (sha1), `jupyter notebook
  password`, the hash as NotebookApp.password or in jupyter_notebook_config.json.
- jupyter_server documentation, "Running a public Jupyter server": "Prefixing the password",
  `jupyter server password` writes jupyter_server_config.json.
- jupyter_server 2.21, auth/security.py, `passwd_check`: argon2, or any algorithm of hashlib;
  auth/identity.py, `PasswordIdentityProvider.hashed_password`.
- traitlets, "Configuration objects": the section of a subclass goes before that of its base class.
"""

from __future__ import annotations

import json

import pytest

from hublab.scenario import LiveLab

from .machine import (
    CONFIG,
    MACHINE,
    PROGRAMS,
    USER,
    WORD,
    new_home,
    serving,
    sha1,
    sign_in,
    surroundings,
)

pytestmark = pytest.mark.topology("lab", "recipes")

NEW = "another word"
NO_BROWSER = "c.ServerApp.open_browser = False\nc.ServerApp.ip = '*'\n"
TWICE = 'printf "%s\\n%s\\n" "$WORD" "$WORD" | jupyter notebook password'
"""The command asks for a password and once more; without a terminal it reads both from stdin."""
OLD_LINES = ("c.NotebookApp.password", "c.ServerApp.password")
GONE = ("from notebook.auth import passwd", "from IPython.lib import passwd")
HASH_OF_TODAY = "from jupyter_server.auth import passwd; assert passwd('x').startswith('argon2:')"


async def change_password(lab: LiveLab, home: str, word: str) -> str:
    """Change it as its user does; returns what the command says."""
    done = await lab.exec(
        MACHINE, "sh", "-c", TWICE, user=USER, environment={**surroundings(home), "WORD": word}
    )
    assert done.exit_code == 0, done.stderr
    return done.stdout + done.stderr


async def words_that_open(lab: LiveLab, home: str, port: int) -> set[str]:
    """With which of both words the form lets anybody at another host in."""
    async with serving(lab, "jupyter", "notebook", home=home):
        origin = f"http://{MACHINE}:{port}"
        answers = {word: await sign_in(lab, origin, word) for word in (WORD, NEW)}
    assert set(answers.values()) <= {302, 401}
    return {word for word, answer in answers.items() if answer == 302}


@pytest.mark.sabotage("server.ServerApp.password", sha1(NEW))
async def test_the_command_for_passwords(lab: LiveLab) -> None:
    """It writes an argon2 hash that opens the server; the functions of the recipes are gone."""
    port = 7785
    home = await new_home(lab, "command", {CONFIG: f"{NO_BROWSER}c.ServerApp.port = {port}\n"})
    said = await change_password(lab, home, WORD)
    file = f"{home}/.jupyter/jupyter_server_config.json"
    assert f"Wrote hashed password to {file}" in said
    written = json.loads((await lab.read_file(MACHINE, file)) or b"{}")
    assert written["IdentityProvider"]["hashed_password"].startswith("argon2:")
    assert await words_that_open(lab, home, port) == {WORD}
    answers = [
        await lab.exec(MACHINE, f"{PROGRAMS}/python", "-c", line) for line in (*GONE, HASH_OF_TODAY)
    ]
    assert [one.exit_code for one in answers] == [1, 1, 0]
    assert "No module named 'notebook.auth'" in answers[0].stderr
    assert "cannot import name 'passwd' from 'IPython.lib'" in answers[1].stderr


@pytest.mark.sabotage("server.snippet", "../changes/any_word_opens.py")
@pytest.mark.finding(
    "A new password is written, and the old one goes on opening the server",
    project="jupyter_server",
    steps="c.NotebookApp.password (or c.ServerApp.password) in a configuration file, as recipes "
    "have it; `jupyter notebook password`; start the server anew.",
    expected="The new password opens it and the old one does not, as the command's answer 'Wrote "
    "hashed password' lets one think; or the command says that another file has one.",
    seen="The old password opens it, the new one is 401. The command writes the hash for "
    "IdentityProvider, and the old line becomes that of its subclass, which counts.",
)
async def test_a_password_that_was_changed(lab: LiveLab) -> None:
    """The old word opens the server and the new one does not, until the old line is deleted."""
    port = 7786
    for line in OLD_LINES:
        lines = f"{NO_BROWSER}c.ServerApp.port = {port}\n{line} = u'{sha1(WORD)}'\n"
        home = await new_home(lab, "changed", {CONFIG: lines})
        assert "Wrote hashed password to " in await change_password(lab, home, NEW)
        assert await words_that_open(lab, home, port) == {WORD}
        config = f"{home}/.jupyter/{CONFIG}"
        await lab.run(MACHINE, "sed", "-i", "/password/d", config, user=USER)
        assert await words_that_open(lab, home, port) == {NEW}
