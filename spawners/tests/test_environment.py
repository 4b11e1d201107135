"""Environment and login shells: an account's habits must not matter (issue 4, rows 3, 4)."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from machinery import TINY, Account, Hub

pytestmark = pytest.mark.sshd

# sshspawner PR #45: unquoted exports mangled JSON; here also what shells, csh and C locales break
AWKWARD = {
    "JSON": '["a", {"b": "it\'s $HOME `id` \\\\ !x"}]',
    "LINES": "one\ntwo\r\n\tthree\n",
    "QUOTES": "'\"'\"\"''",
    "SHELL_WORDS": "$(true) `true` ; true & | > < * ? ~ # %1",
    "UNICODE": "żółć 🚀 \u2028 \u202e e\u0301",
    "BYTES": "\udcff\udc80",
    "BLANK": "",
    "SPACES": "  x  ",
    "LONG": "x" * 50_000,
    "name.with-odd/chars": "kept",
}
START_FILES = {
    "/bin/bash": ".bashrc", "/bin/dash": ".profile", "/usr/bin/zsh": ".zshenv",
    "/usr/bin/fish": ".config/fish/config.fish", "/usr/bin/tcsh": ".tcshrc",
}  # fmt: skip
with_shells = pytest.mark.parametrize("shell", START_FILES)


@with_shells
@pytest.mark.report("NERSC/sshspawner#45", "NERSC/sshspawner#1", "jupyter/notebook#1411")
def test_environment_arrives_byte_for_byte(
    hub: Callable[..., Hub], account: Callable[..., Account], shell: str
) -> None:
    """sshspawner PR #45; sshspawner#1 (csh); the same under each login shell."""
    alice = account(shell=shell)
    one = hub(TINY + f"c.SSHSpawner.environment = {AWKWARD!r}\n")
    one.spawn(alice.name)
    got = alice.environment()
    for name, value in AWKWARD.items():
        assert got[name.encode()] == value.encode("utf-8", "surrogateescape"), name
    assert got[b"HOME"] == str(alice.home).encode()
    assert got[b"USER"] == alice.name.encode()
    assert b"/bin" in got[b"PATH"]  # jupyter-forward#87: the login's own PATH
    for gone in (b"XDG_RUNTIME_DIR", b"SSH_CONNECTION", b"SSH_AUTH_SOCK"):  # notebook#1411
        assert gone not in got


@with_shells
@pytest.mark.report("KrisDavie/SSHSpawner@5988095")
def test_a_start_file_may_talk(
    hub: Callable[..., Hub], account: Callable[..., Account], shell: str
) -> None:
    """sshspawner 5988095 "Exclude stderr": a hundred lines on both streams, none ours."""
    alice = account(shell=shell)
    alice.write(START_FILES[shell], 'echo \'@@ {"state": "running"}\'\n' * 100)
    alice.write(".hushlogin", "")
    one = hub(TINY)
    one.spawn(alice.name)
    one.stop(alice.name)


@with_shells
@pytest.mark.report("NERSC/sshspawner#1")
def test_a_start_file_may_be_slow(
    hub: Callable[..., Hub], account: Callable[..., Account], shell: str
) -> None:
    """sshspawner#1: frozen stdin."""
    alice = account(shell=shell)
    alice.write(START_FILES[shell], "sleep 1\n")
    one = hub(TINY)
    one.spawn(alice.name)
    one.stop(alice.name)


@pytest.mark.parametrize("shell", ["/bin/bash", "/usr/bin/zsh"])
def test_a_start_file_that_exits_is_named(
    hub: Callable[..., Hub], account: Callable[..., Account], shell: str
) -> None:
    alice = account(shell=shell)
    alice.write(START_FILES[shell], "echo out of order\nexit 1\n")
    one = hub(TINY)
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert "start files" in told
    assert "status 1" in told
    assert "out of order" in one.log.read_text()


@pytest.mark.report("ronf/asyncssh#147")
def test_a_login_shell_that_is_killed_is_named(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """By the kernel for want of memory, for example: sshd sends a signal, and no exit status."""
    alice = account()
    alice.write(".bashrc", "echo out of memory\nkill -KILL $$\n")
    one = hub(TINY)
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert "the login shell of" in told
    assert "by signal KILL" in told
    assert "out of memory" in one.log.read_text()
    assert "orphan" not in one.log.read_text()


@pytest.mark.report("NERSC/sshspawner#1")
def test_a_start_file_that_reads_what_is_not_its_own(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """It gets the launcher, and waits for more; the request, with its secrets, is never sent."""
    alice = account()
    alice.write(".bashrc", "tee eaten\nexit 1\n")
    one = hub(TINY + "c.SSHSpawner.environment = {'SITE_TOKEN': 'open \"sesame\"'}\n"
              "c.SSHSpawner.command_timeout = 3\n")  # fmt: skip
    one.request_start(alice.name)
    assert "a start file" in one.wait_failed(alice.name)
    assert "exec(" in (alice.home / "eaten").read_text()
    assert "SITE_TOKEN" not in (alice.home / "eaten").read_text()
    log = one.log.read_text()
    assert "SITE_TOKEN" not in log
    assert "sesame" not in log


@pytest.mark.parametrize("shell", ["/usr/bin/fish", "/usr/bin/tcsh"])
def test_a_start_file_that_exits_does_not_matter_to_some_shells(
    hub: Callable[..., Hub], account: Callable[..., Account], shell: str
) -> None:
    """fish and tcsh go on to the command; dash reads no start file for a command at all."""
    alice = account(shell=shell)
    alice.write(START_FILES[shell], "echo out of order\nexit 1\n")
    one = hub(TINY)
    one.spawn(alice.name)


def test_files_in_the_home_directory_do_not_replace_modules(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """A json.py at home, or PYTHONPATH in a start file, must not get into the launcher."""
    alice = account()
    alice.write("json.py", "raise SystemExit('mine')\n")
    alice.write(".bashrc", "export PYTHONPATH=$HOME PYTHONHOME=/nonexistent\n")
    one = hub(TINY.replace('"tiny_server.py"', '"-I", "tiny_server.py"'))
    one.spawn(alice.name)


@pytest.mark.report("KrisDavie/SSHSpawner@cdfc2e0", "jupyter-forward#87")
def test_shell_and_prologue(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    """jupyter-forward#87, wrapspawner#36: a login shell's PATH when it is wanted."""
    alice = account()
    alice.write(".bash_profile", "export FROM_PROFILE='yes indeed'\n")
    prologue = 'export FROM_PROLOGUE="it\'s here"'
    one = hub(TINY + "c.SSHSpawner.shell_cmd = ['bash', '-l', '-c']\n"
              f"c.SSHSpawner.prologue = {prologue!r}\n")  # fmt: skip
    one.spawn(alice.name)
    got = alice.environment()
    assert got[b"FROM_PROFILE"] == b"yes indeed"
    assert got[b"FROM_PROLOGUE"] == b"it's here"
    one.stop(alice.name)
    alice.check_gone()


def test_a_prologue_without_a_shell(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account(shell="/usr/bin/fish")
    one = hub(TINY + "c.SSHSpawner.prologue = 'A=1; export A'\n")
    one.spawn(alice.name)
    assert alice.environment()[b"A"] == b"1"


@pytest.mark.report("KrisDavie/SSHSpawner@cdfc2e0")
def test_a_prologue_activates_an_environment(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """The way for conda and venv: the environment's own script, read by sh."""
    alice = account()
    alice.run(sys.executable, "-m", "venv", "--without-pip", "lab")
    one = hub(f"c.SSHSpawner.prologue = '. {alice.home}/lab/bin/activate || exit'\n"
              "c.SSHSpawner.cmd = ['python', 'tiny_server.py']\n")  # fmt: skip
    one.spawn(alice.name)
    got = alice.environment()
    assert got[b"VIRTUAL_ENV"] == f"{alice.home}/lab".encode()
    assert got[b"PATH"].startswith(f"{alice.home}/lab/bin:".encode())


# What conda's own conda.sh does: a function that evaluates what a program prints.
CONDA = """
conda() {
    [ "$1" = activate ] || return 2
    asked="$(printf "export CONDA_DEFAULT_ENV='%s' CONDA_PREFIX='%s' PATH='%s'" "$2" \
        "$HOME/envs/$2" "$HOME/envs/$2/bin:$PATH")" || return
    [ -d "$HOME/envs/$2" ] || return 1
    eval "$asked"
}
"""
ACTIVATE = ". {home}/conda.sh && conda activate {name} || exit"


def test_a_prologue_activates_as_conda_does(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """The prologue of the documentation, with a function as conda's; conda itself is not here."""
    alice = account()
    alice.write("conda.sh", CONDA)
    alice.run(sys.executable, "-m", "venv", "--without-pip", "envs/lab")
    prologue = ACTIVATE.format(home=alice.home, name="lab")
    one = hub(TINY + f"c.SSHSpawner.hosts[0]['prologue'] = {prologue!r}\n"
              "c.SSHSpawner.cmd = ['python', 'tiny_server.py']\n")  # fmt: skip
    one.spawn(alice.name)
    got = alice.environment()
    assert got[b"CONDA_DEFAULT_ENV"] == b"lab"
    assert got[b"PATH"].startswith(f"{alice.home}/envs/lab/bin:".encode())


def test_an_environment_that_is_not_there_fails_the_start(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Without ``|| exit`` the server of another environment would start instead."""
    alice = account()
    alice.write("conda.sh", CONDA)
    prologue = ACTIVATE.format(home=alice.home, name="missing")
    one = hub(TINY + f"c.SSHSpawner.prologue = {prologue!r}\n")
    one.request_start(alice.name)
    assert "the server ended with status 1" in one.wait_failed(alice.name)


@pytest.mark.report("KrisDavie/SSHSpawner@4c386ed")
def test_a_long_path(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    """Nothing of ours is a socket's path, which may have 107 bytes."""
    alice = account()
    run_dir = "~/" + "/".join(["long" * 50] * 5)
    one = hub(TINY + f"c.SSHSpawner.run_dir = {run_dir!r}\n")
    one.spawn(alice.name)
    one.stop(alice.name)
    alice.check_gone()


def test_host_entries_add_environment(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account()
    one = hub(TINY + "c.SSHSpawner.hosts[0].update(environment={'SITE': 'node1'})\n")
    one.spawn(alice.name)
    assert alice.environment()[b"SITE"] == b"node1"
