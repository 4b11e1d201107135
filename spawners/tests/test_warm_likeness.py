"""A warm server is like a cold one: what it holds, what others see of it, how it ends.

The same account with the same environment gets a cold and a warm server of a real hub, and each
writes down what it is (``likeness_probe``). What may differ is listed here, with the reason.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from machinery import BIN, Account, Hub, Sshd, wait_until
from ssl_hub import SslHub
from test_warm import ask
from warm_parent import Parent, running

from jupyterhub_sshspawner import __version__
from jupyterhub_sshspawner.exchange.warm_program import warm_program

pytestmark = pytest.mark.sshd

PROBE = (Path(__file__).parent / "likeness_probe.py").read_text()

# A server's settings come with the request, so that one hub has them all.
SETTINGS = """
USUAL = dict(warm_start="node", environment={"LANG": "C.UTF-8"}, prologue="", shell_cmd=[],
             cmd=list(c.SSHSpawner.cmd), limit_backend="none", mem_limit=None)
def settings(spawner):
    for name, value in {**USUAL, **spawner.user_options}.items():
        setattr(spawner, name, value)
c.Spawner.pre_spawn_hook = settings
c.Spawner.poll_interval = 1
"""

# What the account's start file changes about the launcher, and so about every server.
START_FILE = """
ulimit -u 4000
renice -n 5 $$ >/dev/null
taskset -pc 0 $$ >/dev/null
echo 300 >/proc/$$/oom_score_adj
umask 027
"""

ISOLATED = "the parent runs in isolated mode: nothing of an account is imported as root"
ADDRESS = "an address in memory"
TOKEN = "each start has a token and a port of its own"
SEED = "the order of sets of strings: the seed of hashes is drawn when a process starts"
DIFFERENT = {
    r"process sys\.flags (isolated|ignore_environment|no_user_site|safe_path)": ISOLATED,
    r"process environ (JPY_API_TOKEN|JUPYTERHUB_API_TOKEN|JUPYTERHUB_SERVICE_URL)": TOKEN,
    r"values (os\.environb?\._data|posix\.environ)": TOKEN,
    r"values wsgiref\.handlers\.BaseHandler\.os_environ": TOKEN,
    r"values _?ctypes\._(cast|mem\w+|string_at|wstring_at)\w*_addr": ADDRESS,
    r"values ctypes\.pythonapi\._handle": ADDRESS,
    r"values sqlalchemy\.orm\.attributes\._NO_STATE_SYMBOLS": ADDRESS,
    r"values sqlalchemy\.orm\.\w+\.\w+\._sa_instrumented": ADDRESS,
    r"values threading\._main_thread\._(ident|native_id)": "of this process",
    r"values jupyter_client\.session\.session_flags": "a random key, made for each server",
    r"values nbformat\.sign\.algorithms": SEED,
    r"values (lib2to3\.pgen2\.)?tokenize\.\w+": SEED,
    r"values linecache\.cache": "the lines that a warning or a traceback has shown",
    r"values .*__warningregistry__": "how often the filters of warnings have changed",
    r"values logging\._startTime": "a time",
    r"values tornado\.ioloop\.IOLoop\._pending_tasks": "what is under way at that moment",
    r"values prometheus_client\..*_created": "a time",
    r"values platform\.architecture\(\)\[0\]": "a default, the interpreter: another link to it",
}  # fmt: skip
PARENTS_OWN = ("sshspawner",)  # the modules of the parent's program

STATUS = (
    "Umask", "Uid", "Gid", "Groups", "TracerPid", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm",
    "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Cpus_allowed", "Threads",
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A server, as it sees itself and as others do."""

    inside: dict[str, Any]
    outside: dict[str, object]
    log: str


@pytest.fixture(scope="module")
def parent() -> Iterator[Parent]:
    with running() as one:
        yield one


@pytest.fixture(scope="module")
def one(
    parent: Parent, sshd: Sshd, keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hub]:
    """The hub of all tests here but for one."""
    where = tmp_path_factory.mktemp("likeness") / "hub"
    made = Hub(where, sshd, keys / "hub", parent.settings + SETTINGS)
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def owner(keys: Path) -> Iterator[Account]:
    made = Account.create("", "/bin/bash", (keys / "hub.pub").read_text())
    made.write(".bashrc", START_FILE)
    subprocess.run(["usermod", "-a", "-G", "games,audio", made.name], check=True)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def pair(one: Hub, owner: Account) -> tuple[Seen, Seen, Seen]:
    """A cold server, and two warm ones."""
    forms = ("off", "node", "node")
    cold, warm, again = (see(one, owner, warm_start=form) for form in forms)
    return cold, warm, again


def see(one: Hub, account: Account, **options: object) -> Seen:
    """Start a server with these settings, look at it, and stop it."""
    account.write(".jupyter/jupyter_server_config.py", PROBE)
    one.spawn(account.name, options=options)
    state = one.state(account.name)
    told = account.home / "likeness.json"
    os.kill(state["pid"], signal.SIGUSR2)
    log = account.home / ".jupyterhub-ssh" / state["instance"] / "server.log"
    wait_until(told.exists, message=lambda: log.read_text())
    seen = Seen(json.loads(told.read_text()), outside(state["pid"]), log.read_text())
    told.unlink()
    one.stop(account.name)
    return seen


def outside(pid: int) -> dict[str, object]:
    """What ps and /proc say; process ids only by their relations."""
    where = Path(f"/proc/{pid}")
    status = dict(line.split(":\t", 1) for line in (where / "status").read_text().splitlines())
    stat = (where / "stat").read_text().rpartition(")")[2].split()
    above, group, session = (int(stat[index]) for index in (1, 2, 3))
    shown = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, check=True)
    return {
        **{name: status.get(name) for name in STATUS},
        "name": (where / "comm").read_text(),
        "arguments": (where / "cmdline").read_bytes().rstrip(b"\0").split(b"\0"),
        "ps": shown.stdout.strip(),
        "leads its group": group == pid,
        "in the session of the one above": session == above,
        "terminal": stat[4],
        "nice": stat[16],
        "limits": (where / "limits").read_text(),
        "oom_score_adj": (where / "oom_score_adj").read_text(),
        "control group": (where / "cgroup").read_text(),
        "cores": os.sched_getaffinity(pid),
    }


def plain(seen: Seen) -> dict[str, str]:
    """All that a server told, by kind and name; folders of instances have one name."""
    told = {}
    for kind in ("process", "traits", "values"):
        for name, value in seen.inside[kind].items():
            told[f"{kind} {name}"] = re.sub(r"\.jupyterhub-ssh/[0-9a-f]{32}", "INSTANCE", value)
    return told


def test_values_frozen_by_imports(pair: tuple[Seen, Seen, Seen]) -> None:
    """Globals, class attributes, defaults of functions and traits, interpreter, environment."""
    cold, warm = plain(pair[0]), plain(pair[1])
    assert len(cold) > 20_000
    found = {
        name: (cold.get(name, "absent"), warm.get(name, "absent"))
        for name in sorted(cold.keys() | warm.keys())
        if cold.get(name) != warm.get(name)
        and not name.removeprefix("values ").startswith(PARENTS_OWN)
        and not any(re.fullmatch(pattern, name) for pattern in DIFFERENT)
    }
    assert not found


def test_modules(pair: tuple[Seen, Seen, Seen]) -> None:
    """No module that a cold one has not, but the parent's own."""
    cold, warm = (set(one.inside["modules"]) for one in pair[:2])
    assert not {name for name in cold ^ warm if not name.startswith(PARENTS_OWN)}


def test_nothing_random_is_shared(pair: tuple[Seen, Seen, Seen]) -> None:
    """Two children of one parent; the key is of jupyter_client's ``--secure``, made at import."""
    _, warm, again = pair
    for what in ("random", "id"):
        assert warm.inside[what] != again.inside[what]
    name = "jupyter_client.session.session_flags"
    assert warm.inside["values"][name] != again.inside["values"][name]


def test_others_see_a_cold_one(pair: tuple[Seen, Seen, Seen]) -> None:
    """What the launcher got from its login is the server's, too."""
    cold, warm, _ = pair
    assert warm.outside == cold.outside
    assert (cold.outside["nice"], cold.outside["oom_score_adj"]) == ("5", "300\n")
    assert re.search(r"Max processes +4000 +4000 ", str(cold.outside["limits"]))
    assert len(str(cold.outside["Groups"]).split()) == 3


def test_the_log_is_a_cold_ones(pair: tuple[Seen, Seen, Seen]) -> None:
    """Less the times that imports took, which jupyter_server notes from 0.1 s on."""
    logs = []
    for seen in pair[:2]:
        lines = [re.sub(r"[\d:.]+", "", line) for line in seen.log.splitlines()]
        logs.append({line for line in lines if "s to import" not in line})
    assert "Use Control-C to stop" in pair[1].log
    assert {line for line in logs[0] ^ logs[1] if "| extension was successfully" in line} == set()


def test_variables_that_are_taken_anew(one: Hub, account: Callable[..., Account]) -> None:
    """Modules have read them when they were imported; the warm server has the new values."""
    alice = account()
    other = alice.home / "other"
    alice.write("other/.keep", "")
    seen = see(one, alice, environment={
        "LANG": "C.UTF-8", "HOME": str(other), "USER": "somebody", "TZ": "XYZ-9",
        "XDG_DATA_HOME": str(other / "data"), "JUPYTERLAB_SETTINGS_DIR": str(other / "settings"),
        "JUPYTER_CONFIG_DIR": str(alice.home / ".jupyter"),
    })  # fmt: skip
    check_warm(one, alice)
    inside = seen.inside
    assert inside["process"]["home"] == str(other)
    assert inside["process"]["zone"] == repr((("XYZ", "XYZ"), -9 * 3600))
    assert inside["traits"]["jupyter_client.session.Session.username (default)"] == "'somebody'"
    settings = inside["traits"]["jupyterlab.labapp.LabApp.user_settings_dir (default)"]
    assert settings == repr(str(other / "settings"))
    assert str(other / "data") in inside["values"]["send2trash.plat_other.HOMETRASH"]


def check_warm(one: Hub, alice: Account) -> None:
    lines = [line for line in one.log.read_text().splitlines() if alice.name in line]
    assert not [line for line in lines if "starts cold" in line]


ALONE = "what is started is not jupyterhub-singleuser alone"
COLD: dict[str, tuple[dict[str, Any], str]] = {
    "prologue": ({"prologue": "true"}, ALONE),
    "shell_cmd": ({"shell_cmd": ["bash", "-l", "-c"]}, ALONE),
    "another command": ({"cmd": [sys.executable, "tiny_server.py"]}, ALONE),
    "another environment's": ({"cmd": ["~/bin/jupyterhub-singleuser"]}, "not of the parent's env"),
    "another Python": ({"cmd": ["~/own/jupyterhub-singleuser"]}, "another Python"),
    "a relative path": ({"cmd": ["bin/jupyterhub-singleuser"]}, "is relative"),
    "a large environment": ({"environment": {"LARGE": "x" * 30000}}, "has room for"),
    "JUPYTER_PLATFORM_DIRS": ({"environment": {"JUPYTER_PLATFORM_DIRS": "1"}}, "differs"),
    "KERNEL_LAUNCH_TIMEOUT": ({"environment": {"KERNEL_LAUNCH_TIMEOUT": "61"}}, "differs"),
    "http_proxy": ({"environment": {"http_proxy": "http://127.0.0.1:9"}}, "differs"),
    "JUPYTERHUB_SINGLEUSER_APP": (
        {"environment": {"JUPYTERHUB_SINGLEUSER_APP": "jupyter-server"}}, "differs",
    ),
    "PYTHONPATH": ({"environment": {"PYTHONPATH": "/nonexistent"}}, "when a process starts"),
    "LD_LIBRARY_PATH": ({"environment": {"LD_LIBRARY_PATH": "/nonexistent"}}, "process starts"),
    "MALLOC_ARENA_MAX": ({"environment": {"MALLOC_ARENA_MAX": "2"}}, "when a process starts"),
    "no such locale": ({"environment": {"LC_ALL": "xx_YY.UTF-8"}}, "is not installed"),
    "LC_ALL=C": ({"environment": {"LC_ALL": "C"}}, "is forced by LC_ALL"),
    "another character set": ({"environment": {"LC_ALL": "de_DE.ISO-8859-1"}}, "is not of UTF-8"),
}  # fmt: skip


@pytest.fixture(scope="module")
def cold(one: Hub, keys: Path) -> Iterator[dict[str, Account]]:
    """All of them are asked for at once, each for an account of its own."""
    made = {}
    python = BIN / "python-other"
    shutil.copy2(Path(sys.executable).resolve(), python)
    try:
        for case, (options, _) in COLD.items():
            alice = made[case] = Account.create("", "/bin/bash", (keys / "hub.pub").read_text())
            alice.tiny_server()
            wrapper = f'#!/bin/sh\nexec {BIN}/jupyterhub-singleuser "$@"\n'
            alice.write("bin/jupyterhub-singleuser", wrapper, 0o755)
            script = (BIN / "jupyterhub-singleuser").read_text().split("\n", 1)[1]
            alice.write("own/jupyterhub-singleuser", f"#!{python}\n{script}", 0o755)
            asked = json.loads(json.dumps(options).replace("~/", f"{alice.home}/"))
            assert one.request_start(alice.name, options=asked)[0] in (201, 202)
        yield made
    finally:
        for alice in made.values():
            alice.remove()
        python.unlink()


@pytest.mark.parametrize("case", COLD)
def test_cold_where_a_fork_would_differ(one: Hub, cold: dict[str, Account], case: str) -> None:
    """The server works, and both logs say why it is not warm."""
    alice, (options, why) = cold[case], COLD[case]
    one.wait_ready(alice.name)
    said = one.tail(about=f"{alice.name} starts cold")
    assert why in said
    if case in options.get("environment", {}):
        assert case in said
    log = alice.home / ".jupyterhub-ssh" / one.state(alice.name)["instance"] / "server.log"
    assert why in log.read_text()
    if case != "another command":
        state = one.state(alice.name)
        assert ask(one, state, alice.name, "/api/contents", {"type": "notebook"}) == 201
    one.stop(alice.name)


def test_limits_that_something_else_enforces(one: Hub, account: Callable[..., Account]) -> None:
    """They are variables, read when the server runs: a warm one has them."""
    alice = account()
    seen = see(one, alice, limit_backend="external", mem_limit="1G")
    check_warm(one, alice)
    assert seen.inside["process"]["environ MEM_LIMIT"] == str(2**30)


ENDS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM}


@pytest.mark.parametrize("name", ENDS)
def test_ends_as_a_cold_one(one: Hub, account: Callable[..., Account], name: str) -> None:
    """The record, what the hub says, and that nothing is left: no kernel, no secret."""
    codes = []
    for form in ("off", "node"):
        alice = account()
        one.spawn(alice.name, options={"warm_start": form})
        state = one.state(alice.name)
        where = alice.home / ".jupyterhub-ssh" / state["instance"]
        assert ask(one, state, alice.name, "/api/kernels", {"name": "python3"}) == 201
        os.kill(state["pid"], ENDS[name])
        wait_until(lambda who=alice.name: not one.server(who), message=one.tail)
        wait_until(lambda who=alice: not who.processes())
        code = json.loads((where / "exit.json").read_text())["returncode"]
        assert f"exit code: {code}" in one.tail(about=alice.name)
        assert not (where / "secrets").exists()
        codes.append(code)
    assert codes[0] == codes[1]


def test_a_stop_right_after_the_start(one: Hub, account: Callable[..., Account]) -> None:
    """The hub stops what it has asked for, whether it listens already or not."""
    alice = account()
    assert one.request_start(alice.name)[0] in (201, 202)
    wait_until(lambda: "pid" in one.state(alice.name) or one.server(alice.name).get("ready"))
    one.stop(alice.name)
    wait_until(lambda: not alice.processes(), message=lambda: str(alice.processes()))


def test_internal_ssl(
    account: Callable[..., Account], parent: Parent, sshd: Sshd, keys: Path, tmp_path: Path
) -> None:
    """The certificates' places are variables that jupyterhub.services.auth reads at import."""
    alice = account()
    secure = "c.JupyterHub.internal_ssl = True\n"
    secure += f"c.JupyterHub.internal_certs_location = '{tmp_path}/ssl/ssl'\n"
    hub = SslHub(tmp_path / "ssl", sshd, keys / "hub", parent.settings + secure)
    hub.start()
    try:
        hub.request_start(alice.name)
        hub.wait_ready(alice.name)
        check_warm(hub, alice)
        hub.stop(alice.name)
    finally:
        hub.kill()


# Read while the parent imports, with the locked versions. A new one belongs into ``anew``, if
# servers are given other values of it as a rule; else it means the cold way, and belongs here.
COMMON = {
    "*", "HOME", "JUPYTERHUB_API_URL", "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_SSL_CERTFILE",
    "JUPYTERHUB_SSL_CLIENT_CA", "JUPYTERHUB_SSL_KEYFILE", "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR", "JUPYTER_CONFIG_DIR", "LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES",
    "PATH", "USER", "XDG_DATA_HOME",
}  # fmt: skip
RARE = {
    "AIOHTTP_NO_EXTENSIONS", "ALL_PROXY", "ANDROID_DATA", "FROZENLIST_NO_EXTENSIONS",
    "HTTPS_PROXY", "HTTP_PROXY", "IN_SPHINX_RUN", "IPYTHON_TESTING_TIMEOUT_SCALE",
    "JUPYTERHUB_ALLOW_TOKEN_IN_URL", "JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH",
    "JUPYTERHUB_METRICS_PREFIX", "JUPYTERHUB_SERVER_SPAWN_DURATION_SECONDS_BUCKETS",
    "JUPYTERHUB_SERVER_STOP_DURATION_SECONDS_BUCKETS", "JUPYTERHUB_SINGLEUSER_APP",
    "JUPYTERHUB_SINGLEUSER_EXTENSION", "JUPYTERHUB_SINGLEUSER_LOAD_OTHER_EXTENSIONS",
    "JUPYTERHUB_XSRF_ANONYMOUS_ID_HEADERS", "JUPYTERHUB_XSRF_ANONYMOUS_IP_CIDRS",
    "JUPYTERLAB_DIR", "JUPYTER_ALLOW_INSECURE_WRITES", "JUPYTER_GATEWAY_MAX_REQUEST_RETRIES",
    "JUPYTER_LSP_BUILDING_DOCS", "JUPYTER_NO_CONFIG", "JUPYTER_PLATFORM_DIRS",
    "JUPYTER_USE_PROGRAMDATA", "KERNEL_LAUNCH_TIMEOUT", "MULTIDICT_NO_EXTENSIONS",
    "PROMETHEUS_DISABLE_CREATED_SERIES", "PROMETHEUS_LEGACY_NAME_VALIDATION",
    "PROMETHEUS_MULTIPROC_DIR", "PROPCACHE_NO_EXTENSIONS", "PYTHONTZPATH", "PYTHONUSERBASE",
    "PYZMQ_BACKEND", "SSLKEYLOGFILE", "TERM", "TORNADO_EXTENSION", "TORNADO_NO_EXTENSION",
    "TRAITLETS_APPLICATION_RAISE_CONFIG_FILE_ERROR", "YARL_NO_EXTENSIONS",
    "_PYTHON_SYSCONFIGDATA_NAME", "_PYTHON_SYSCONFIGDATA_PATH", "http_proxy", "https_proxy",
    "prometheus_multiproc_dir",
}  # fmt: skip
AUDIT = """
import json
reads = sys.modules["sshspawner.warm.reads"].Reads()
with reads.recorded():
    sys.modules["sshspawner.warm.imports"].import_all()
knows = sys.modules["sshspawner.warm.anew"].ENTRIES
print(json.dumps({
    variable: all(name in knows and knows[name].knows(variable) for name in modules)
    for variable, modules in reads.seen.items()
}))
"""


def test_which_variables_modules_read_at_import(tmp_path: Path) -> None:
    """The audit, made as the parent makes it."""
    begins, found, _ = warm_program(__version__).rpartition('sys.modules["sshspawner.warm.stages"]')
    assert found
    program = tmp_path / "audit.py"
    program.write_text(begins + AUDIT)
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    argv = [sys.executable, "-I", str(program)]
    done = subprocess.run(argv, env=env, cwd="/", check=True, capture_output=True)
    told: dict[str, bool] = json.loads(done.stdout)
    assert {variable for variable, known in told.items() if known} <= COMMON
    assert {variable for variable, known in told.items() if not known} <= RARE
    assert COMMON - {variable for variable, known in told.items() if known} == set()
