"""jupyterlab-git on a node, and a git server on another host that wants a password.

Why it matters: with the extension people version a folder, and some their whole home. What goes
along to the other host then is more than notebooks: the keys by which kernels are spoken to. And
while one push waits for a host that does not answer, git is shut for every other folder.

Sources:
- jupyterlab-git 0.55, README and jupyterlab_git/handlers.py: `/git/PATH/init`, `add_all_untracked`,
  `commit`, `push` with `auth`, `clone`; a failure is 500 with git's own words.
- jupyterlab_git_core/git.py, `execute`: GIT_TERMINAL_PROMPT=0 without `auth`; `__execute`: one lock
  for the process, for which `git_command_timeout` seconds are waited (20).
- git-http-backend(1), `http.receivepack`; gitcredentials(7).
- jupyter_client documentation, "Connection files": they have the `key` that signs a kernel's
  messages; jupyter_core, `jupyter_runtime_dir`: below the home folder.
"""

from __future__ import annotations

import asyncio

import pytest

from hublab.scenario import LiveLab, Visitor, freeze, until

from .git_host import HOST, USER, GitHost, address, ask_git, git_host
from .pages import new_kernel, page, visit

pytestmark = pytest.mark.topology("lab", "payloads")

NAME = """\
git config --global user.name alice && git config --global user.email alice@node1 \
  && git config --global init.defaultBranch main
"""
"""Without a name `init` makes a repository and is 500: it ends with a commit."""
HOME = "/home/alice"
KEYS = ".local/share/jupyter/runtime/kernel-"
"""How files begin that have the key of a kernel."""
NOT_ASKED = "could not read Username"
EXTENSIONS = "server.ServerApp.jpserver_extensions"
FORGET = "cd /home/alice && rm -rf .git .gitignore .gitconfig work other lesson.txt"


async def succeed(visitor: Visitor, path: str, **body: object) -> None:
    """A request of the page that has to work."""
    status, answer = await ask_git(visitor, path, **body)
    assert status in (200, 201), answer


async def save_all(visitor: Visitor, folder: str) -> None:
    """Stage and commit what is new in a folder, as the extension's page does."""
    await succeed(visitor, f"{folder}add_all_untracked")
    await succeed(visitor, f"{folder}commit", commit_msg="all")


async def introduce(lab: LiveLab) -> None:
    """Alice's home as new, where git knows her name."""
    await lab.run("node1", "sh", "-c", FORGET)
    done = await lab.exec("node1", "sh", "-c", NAME, user="alice", environment={"HOME": HOME})
    assert done.exit_code == 0, done.stderr


async def files_of(git: GitHost, name: str) -> list[str]:
    return (await git.git(name, "ls-tree", "-r", "--name-only", "main")).splitlines()


@pytest.mark.issue(
    "jupyterlab/jupyterlab-git#355", happens=True, workaround="the page asks for a password then"
)
@pytest.mark.finding(
    "A home folder that is pushed takes the keys of its kernels along",
    project="jupyterlab-git",
    steps="Git, Initialize, in the home folder of a server with a kernel; stage all untracked; "
    "commit; push.",
    expected="What a person sees in the file browser: it hides what begins with a dot.",
    seen=".local/share/jupyter/runtime/kernel-….json of each kernel, with its key, is in the "
    "repository of the other host; so is the history of what was typed.",
)
@pytest.mark.sabotage(EXTENSIONS, {"jupyterlab_git": False})
async def test_a_whole_home_folder(lab: LiveLab) -> None:
    """It is pushed with a password, which nobody asks for by itself, and hidden files go along.

    A `.gitignore` of hidden files, made first, keeps them here.
    """
    alice, server = await visit(lab, "alice")
    await introduce(lab)
    async with (
        git_host(lab) as git,
        page(alice, server, await new_kernel(alice, server)) as tab,
    ):
        await tab.show("open('lesson.txt', 'w').write('1')")
        await succeed(alice, "init")
        await save_all(alice, "")
        await succeed(alice, "remote/add", url=address("home"))
        status, answer = await ask_git(alice, "push", remote="origin")
        assert (status, NOT_ASKED in answer["message"]) == (500, True)
        await succeed(alice, "push", remote="origin", auth=USER)
        files = await files_of(git, "home")
        assert "lesson.txt" in files
        assert [name for name in files if name.startswith(KEYS)]
        assert (await git.git("home", "log", "--format=%an %s", "-1")) == "alice all\n"
        await lab.run("node1", "rm", "-rf", "/home/alice/.git")
        await succeed(alice, "init")
        await succeed(alice, "ignore", content=".*\n!.gitignore\n")
        await save_all(alice, "")
        await succeed(alice, "remote/add", url=address("work"))
        await succeed(alice, "push", remote="origin", auth=USER)
        files = await files_of(git, "work")
        assert "lesson.txt" in files
        assert not [name for name in files if name.startswith(".") and name != ".gitignore"]
    await lab.run("node1", "sh", "-c", FORGET)


TIMEOUT = "server.JupyterLabGit.git_command_timeout"


@pytest.mark.issue(
    "jupyterlab/jupyterlab-git#873",
    happens=True,
    workaround="JupyterLabGit.git_command_timeout; git's http.lowSpeedTime ends the push",
)
@pytest.mark.matrix(TIMEOUT, [2.0])
@pytest.mark.sabotage(TIMEOUT, 60.0)
async def test_a_git_server_that_does_not_answer(lab: LiveLab) -> None:
    """While a push waits for it, git is refused in another folder too; a kernel goes on.

    When the host answers again, the push ends well.
    """
    alice, server = await visit(lab, "alice")
    await introduce(lab)
    kernel = await new_kernel(alice, server)
    async with git_host(lab) as git, page(alice, server, kernel) as tab:
        for name in ("work", "other"):
            await tab.show(f"import os; os.makedirs('{name}', exist_ok=True)")
            await tab.show(f"open('{name}/lesson.txt', 'w').write('1')")
            await succeed(alice, f"{name}/init")
            await save_all(alice, f"{name}/")
        await succeed(alice, "work/remote/add", url=address("work"))
        async with freeze(lab, HOST, seconds=60):
            pushing = asyncio.create_task(ask_git(alice, "work/push", remote="origin", auth=USER))

            async def runs() -> bool:
                argv = ("pgrep", "--full", "git push")
                return (await lab.exec("node1", *argv)).exit_code == 0

            await until(runs, what="the push has begun")
            status, answer = await ask_git(alice, "other/status")
            assert (status, answer["message"]) == (500, "Unable to get the lock on the directory")
            assert (await tab.show("print(6 * 7)")).stdout == "42\n"
            assert not pushing.done()
        assert (await pushing)[0] == 200
        assert (await ask_git(alice, "other/status"))[0] == 200
        assert "lesson.txt" in await files_of(git, "work")
    await lab.run("node1", "sh", "-c", FORGET)
