"""A forked hub is to an observer what a cold one is, except for what is said here."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import lifecycle
import pytest

from hublab.cli.up import set_warmth
from hublab.engine.records import File
from hublab.errors import HublabError
from hublab.paths import ETC
from hublab.running import programs
from hublab.running.lab import Lab
from hublab.running.live import connect
from hublab.running.readiness import wait_until_running
from hublab.running.reset import reset_lab
from hublab.settings.syntax import JSONValue
from hublab.settings.values import Settings

NAME = "warm-hub"
LOOK = """
import json, os, sys
def look():
    seen = {
        "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "flags": repr(sys.flags),
        "environment": dict(os.environ), "folder": os.getcwd(),
        "main": sys.modules["__main__"].__file__, "modules": sorted(sys.modules),
        "hash": hash("hub"),
    }
    with open("seen.json.new", "w") as file:
        json.dump(seen, file)
    os.rename("seen.json.new", "seen.json")
from jupyterhub.app import JupyterHub
start = JupyterHub.start
async def started(self):
    await start(self)
    look()
JupyterHub.start = started
"""
"""What a hub says of itself when it runs: a snippet of its configuration."""
OF_PROCESS = (
    "p=/proc/$1; tr '\\0' ' ' < $p/cmdline; echo; cat $p/comm; readlink $p/cwd $p/exe; "
    "grep -E '^(Umask|Uid|Gid|Groups|SigBlk|SigIgn|SigCgt|Cap|NoNewPrivs|Seccomp)' $p/status; "
    "cat $p/limits $p/oom_score_adj; cut -d ' ' -f 5,6,18,19 $p/stat; "
    "for fd in 0 1 2; do readlink $p/fd/$fd; done; ls $p/fd | wc -l"
)
"""pgrp, session, priority and nice are fields 5, 6, 18 and 19 of stat (proc(5))."""
REMOVED = (
    (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.\d]*Z?\b", "TIME"),
    (r"\b\d+\.\d+ ?(ms|seconds)\b", "SECONDS"),
    (r"(pipe|socket):\[\d+\]", r"\1"),
    (r"\b(app|proxy|metrics|log|service):\d+\b", r"\1:LINE"),
)
"""What is removed before two observations are compared: times and durations, numbers of pipes and
sockets, lines of source. The hub's own pid is replaced by PID. Keys of JSON are sorted: their order
is that of sets, which differs between two cold hubs as well."""
READ_AT_IMPORT = {
    "AIOHTTP_NO_EXTENSIONS": ["aiohttp.helpers"],
    "FROZENLIST_NO_EXTENSIONS": ["frozenlist"],
    "HOME": ["sysconfig"],
    "JUPYTERHUB_METRICS_PREFIX": ["jupyterhub.metrics"],
    "JUPYTERHUB_SERVER_SPAWN_DURATION_SECONDS_BUCKETS": ["jupyterhub.metrics"],
    "JUPYTERHUB_SERVER_STOP_DURATION_SECONDS_BUCKETS": ["jupyterhub.metrics"],
    "JUPYTERHUB_XSRF_ANONYMOUS_ID_HEADERS": ["jupyterhub._xsrf_utils"],
    "JUPYTERHUB_XSRF_ANONYMOUS_IP_CIDRS": ["jupyterhub._xsrf_utils"],
    "LD_LIBRARY_PATH": ["ctypes.util"],
    "MULTIDICT_NO_EXTENSIONS": ["multidict._compat"],
    "PATH": ["shutil", "subprocess"],
    "PROMETHEUS_DISABLE_CREATED_SERIES": ["prometheus_client.metrics"],
    "PROMETHEUS_LEGACY_NAME_VALIDATION": ["prometheus_client.validation"],
    "PROMETHEUS_MULTIPROC_DIR": ["prometheus_client.values"],
    "PROPCACHE_NO_EXTENSIONS": ["propcache._helpers"],
    "PYDANTIC_DISABLE_PLUGINS": ["pydantic.plugin._loader"],
    "PYTHONASYNCIODEBUG": ["aiohttp.helpers"],
    "PYTHONTZPATH": ["zoneinfo._tzpath"],
    "PYTHONUSERBASE": ["sysconfig"],
    "SSLKEYLOGFILE": ["ssl"],
    "TORNADO_EXTENSION": ["tornado.util"],
    "TORNADO_NO_EXTENSION": ["tornado.util"],
    "TRAITLETS_APPLICATION_RAISE_CONFIG_FILE_ERROR": ["traitlets.config.application"],
    "YARL_NO_EXTENSIONS": ["yarl._quoting"],
    "_PYTHON_PROJECT_BASE": ["sysconfig"],
    "_PYTHON_SUBPROCESS_USE_POSIX_SPAWN": ["subprocess"],
    "_PYTHON_SYSCONFIGDATA_NAME": ["sysconfig"],
    "_PYTHON_SYSCONFIGDATA_PATH": ["sysconfig"],
    "prometheus_multiproc_dir": ["prometheus_client.values"],
}
"""Variable -> the modules that read it while being imported: recorded in the image of JupyterHub
6.1.1. A hub with another value of one of them is started cold."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with lifecycle.lab_of_name(NAME) as lab:
        yield lab


def enter(lab: Lab, settings: dict[str, JSONValue], *, cold: bool) -> None:
    """Make the lab new, with a hub that is forked or not."""
    set_warmth(lab, cold=cold)
    asyncio.run(reset_lab(lab, Settings(settings)))
    assert is_forked(lab) != cold


def snippet(source: str) -> JSONValue:
    """A snippet as a setting holds it."""
    digest = hashlib.sha256(source.encode()).hexdigest()
    return {"name": "snippet.py", "sha256": digest, "source": source}


def is_forked(lab: Lab) -> bool:
    return lab.run("hub", "test", "-s", programs.HUB_PIDS).exit_code == 0


def restart(lab: Lab) -> str:
    """Restart the hub; returns what its log says since."""
    programs.kill_and_start(lab, "hub")
    asyncio.run(wait_until_running(lab))
    log = lab.engine.logs(lab.host("hub").id, tail=200)
    return log[log.rfind("hublab: hub ended") :]


def plain(text: str, pid: int | None = None) -> str:
    """Without what is not compared; only some texts have the pid, which may look like a status."""
    if pid is not None:
        text = re.sub(rf"\b{pid}\b", "PID", text)
    for pattern, by in REMOVED:
        text = re.sub(pattern, by, text)
    return text


def observed(lab: Lab) -> dict[str, Any]:
    """All that is compared of a hub that runs."""
    state = programs.status(lab, "hub")
    assert state.pid is not None
    process = lab.output("hub", "sh", "-c", OF_PROCESS, "-", str(state.pid), user="jupyterhub")
    log = lab.engine.logs(lab.host("hub").id, tail=200)
    log = log[log.rfind("hublab: hub ended") :].partition("\n")[2]
    seen = json.loads(lab.output("hub", "cat", "/srv/jupyterhub/seen.json"))
    del seen["modules"], seen["hash"]

    async def answers() -> dict[str, Any]:
        async with connect(lab) as live:
            hub = await live.hub()
            paths = ("info", "users", "services", "groups", "proxy", "user")
            found = {path: await hub.request("GET", path) for path in paths}
            await live.spawn("alice", on="node1")
            server = await live.server("alice")
            assert server is not None
            found["server"] = (server.ready, server.host)
            await live.stop("alice")
            return found

    return {
        "status": re.sub(r"\d+ seconds", "SECONDS", plain(state.text, state.pid)),
        "process": plain(process, state.pid).splitlines(),
        "log": plain(log).splitlines(),
        "seen": seen,
        "answers": plain(json.dumps(asyncio.run(answers()), sort_keys=True)),
        "listens": programs.listens(lab, "hub", state.pid),
    }


@pytest.mark.parametrize(
    "settings", [{}, {"hub.JupyterHub.base_url": "/lab/", "proxy.timeout": "30000"}]
)
def test_the_same_warm_and_cold(lab: Lab, settings: dict[str, JSONValue]) -> None:
    """Process, log, environment, API and a spawn; REMOVED is what is not compared."""
    found = {}
    for cold in (False, True):
        enter(lab, settings | {"hub.snippet": snippet(LOOK)}, cold=cold)
        found[cold] = observed(lab)
    assert found[False] == found[True]


def test_a_refused_setting_ends_both_alike(lab: Lab) -> None:
    """With the same exit code, and the same last words: no line of the parent is among them."""
    ends = []
    for cold in (False, True):
        set_warmth(lab, cold=cold)
        with pytest.raises(HublabError) as refused:
            asyncio.run(
                reset_lab(lab, Settings({"hub.snippet": snippet("raise SystemError('no')")}))
            )
        state = programs.status(lab, "hub")
        log = re.sub(r"\[\w [^]]+\] ?", "", refused.value.log)  # type: ignore[attr-defined]
        ends.append((state.up, state.exit_code, state.signal, plain(log)))
    assert ends[0] == ends[1]
    assert ends[0][1] == 1


@pytest.mark.parametrize("signal", ["TERM", "KILL", "INT"])
def test_a_signal_to_the_hub_or_what_s6_supervises(lab: Lab, signal: str) -> None:
    """The hub ends as a cold one does, and s6 reports that end, whichever gets the signal."""
    ends = []
    for cold in (True, False):
        enter(lab, {}, cold=cold)
        programs.kill(lab, "hub", signal)
        ends.append(end_of(lab))
    enter(lab, {}, cold=False)
    hub = programs.status(lab, "hub").pid
    supervised = lab.output("hub", "s6-svstat", "-o", "pid", "/etc/s6/hub").strip()
    assert supervised != str(hub)
    lab.output("hub", "sh", "-c", 'kill -s "$1" "$2"', "-", signal, supervised)
    ends.append(end_of(lab))
    assert ends[0] == ends[1] == ends[2]
    # s6 tells the end of the stand-in while `finish`, which ends the hub, still runs.
    gone = ("test", "!", "-e", f"/proc/{hub}")
    lifecycle.wait(lambda: lab.run("hub", *gone).exit_code == 0, 10, lambda: "the hub lives on")


def end_of(lab: Lab) -> tuple[int | None, str | None]:
    lifecycle.wait(
        lambda: programs.status(lab, "hub").ended, 30, lambda: programs.status(lab, "hub").text
    )
    state = programs.status(lab, "hub")
    return state.exit_code, state.signal


def test_what_differs_for_an_observer(lab: Lab) -> None:
    """The initial environment, the parent's pid, the hashes of strings, and a second process."""
    enter(lab, {"hub.snippet": snippet(LOOK)}, cold=False)
    pid = programs.status(lab, "hub").pid
    environ = lab.output("hub", "cat", f"/proc/{pid}/environ", user="jupyterhub")
    seen = json.loads(lab.output("hub", "cat", "/srv/jupyterhub/seen.json"))
    assert "CONFIGPROXY_AUTH_TOKEN" in seen["environment"]
    assert "CONFIGPROXY_AUTH_TOKEN" not in environ  # the parent knows no secret
    parent = lab.output("hub", "cut", "-d", " ", "-f", "4", f"/proc/{pid}/stat").strip()
    assert "warm/parent.py" in lab.output("hub", "cat", f"/proc/{parent}/cmdline")
    restart(lab)
    again = json.loads(lab.output("hub", "cat", "/srv/jupyterhub/seen.json"))
    assert again["hash"] == seen["hash"]  # cold hubs differ: PYTHONHASHSEED is random


def test_what_was_read_while_importing(lab: Lab) -> None:
    enter(lab, {}, cold=False)
    report = json.loads(lab.output("hub", "cat", "/run/hublab/warm.log"))
    own = {"wsgiref.handlers"}  # it copies the whole environment; a forked hub has its own copy
    read = {
        name: sorted(set(modules) - own)
        for name, modules in report["variables"].items()
        if set(modules) - own
    }
    assert read == READ_AT_IMPORT
    assert set(report["whole"]) == own
    assert (report["problem"], report["missing"]) == (None, [])


def test_the_parent_imports_all_that_a_cold_hub_does(lab: Lab) -> None:
    """But for what belongs to the configuration."""
    enter(lab, {"hub.snippet": snippet(LOOK)}, cold=True)
    cold = json.loads(lab.output("hub", "cat", "/srv/jupyterhub/seen.json"))["modules"]
    listed = lab.output("hub", "cat", "/usr/local/lib/hublab/warm/modules.txt").split()
    bare = lab.output("hub", "python3", "-c", "import sys; print(*sys.modules)").split()
    config = {"base_config", "own_hub_config", "own_config", "settings_file"}
    config |= {"absent_modules", "advertised", "config_lines", "config_loader", "state_log"}
    # made by cryptography and multiprocessing, not found by import
    unimportable = {"_openssl", "_openssl.lib", "__mp_main__"}
    left = set(cold) - {*listed, *bare} - config - unimportable
    assert left == set()


def test_another_value_of_a_variable_is_a_reason(lab: Lab) -> None:
    enter(lab, {}, cold=False)
    hub = lab.host("hub").id
    for name, value in (("PYTHONPATH", "/tmp"), ("JUPYTERHUB_METRICS_PREFIX", "other")):
        lab.engine.put_files(hub, f"{ETC}/env", [File(name, value.encode())])
        try:
            assert f"does its own imports: {name} is another one" in restart(lab)
        finally:
            lab.output("hub", "rm", f"{ETC}/env/{name}")
    assert "own imports" not in restart(lab)
    assert is_forked(lab)


def test_a_changed_module_renews_the_parent(lab: Lab) -> None:
    """The hub after the change is cold, and the next one is forked from a new parent."""
    enter(lab, {}, cold=False)
    path = "/opt/jupyter/lib/python3.13/site-packages/jupyterhub/app.py"
    lab.output("hub", "touch", path)
    assert f"does its own imports: {path} has changed" in restart(lab)
    assert "own imports" not in restart(lab)
    assert is_forked(lab)


def test_a_killed_parent_costs_no_hub(lab: Lab) -> None:
    enter(lab, {}, cold=False)
    before = programs.status(lab, "hub")
    parent = lab.output("hub", "cut", "-d", " ", "-f", "4", f"/proc/{before.pid}/stat").strip()
    lab.output("hub", "sh", "-c", f"kill -KILL {parent}")
    lifecycle.wait(
        lambda: lab.run("hub", "test", "-e", f"/proc/{parent}").exit_code == 1, 10, lambda: parent
    )
    assert programs.status(lab, "hub").pid == before.pid
    assert programs.listens(lab, "hub", before.pid or 0)
    restart(lab)
    assert is_forked(lab)
