"""Logs of several sources on one clock, and what a node prints of its servers' logs."""

from __future__ import annotations

from hublab.cli.logs import shown
from hublab.running.log_lines import host_lines, in_columns, on_one_clock, server_lines
from hublab.running.server_log import ServerLog, parsed

HUB = (
    "2026-11-28T19:01:41.000000001Z [I] POST /hub/spawn\n"
    "2026-11-28T19:01:44.500000000Z \x1b[32m[I] 200 GET /user/alice/api\x1b[0m\n"
)
SERVER = """starting
[I 2026-11-28 19:01:43.200 ServerApp] Jupyter Server is running at:
    a line of the same record
[W 2026-11-28 19:01:44.600 ServerApp] 403 GET /
"""
BEGUN = 1795892501.5  # 2026-11-28T19:01:41.5Z


def test_lines_of_a_host_and_a_server_are_in_order() -> None:
    """Lines without a time stay with the record before them; colours go."""
    lines = on_one_clock([host_lines("hub", HUB), server_lines("alice", SERVER, BEGUN)])
    assert [(line.source, line.text.split()[0]) for line in lines] == [
        ("hub", "[I]"),
        ("alice", "starting"),
        ("alice", "[I"),
        ("alice", "a"),
        ("hub", "[I]"),
        ("alice", "[W"),
    ]
    assert next(iter(in_columns(lines, 5))) == "19:01:41.000 hub   | [I] POST /hub/spawn"
    assert lines[4].text == "[I] 200 GET /user/alice/api"
    assert lines[3].text.startswith("    a line")


def test_the_last_lines_of_all() -> None:
    lines = [server_lines("alice", SERVER, BEGUN)]
    assert [line.text[:2] for line in on_one_clock(lines, 1)] == ["[W"]
    assert on_one_clock(lines, 0) == []
    assert len(on_one_clock(lines, 99)) == 4


def test_what_a_node_prints() -> None:
    """A start whose owner was not written is the user's default server."""
    printed = (
        "\0/home/alice/.jupyterhub-ssh/1/server.log\0001795892501.5\0008\0"
        '{"hub": "x", "user": "alice", "server": "analysis"}\0one\ntwo\n'
        "\0/var/tmp/jupyterhub-ssh-alice/2/server.log\0001795892500\0000\0\0"
    )
    first, second = parsed("node1", "alice", printed)
    assert (first.label, first.text, first.begun) == ("alice/analysis", "one\ntwo\n", BEGUN)
    assert (second.label, second.text, second.host) == ("alice", "", "node1")
    assert parsed("node1", "alice", "") == []
    assert not first.cut
    cut = parsed("node1", "alice", printed, most=7)[0]
    assert (cut.cut, cut.text) == (True, "two\n")


def test_a_token_in_a_server_s_log_is_not_shown() -> None:
    """jupyter_server without a hub prints its own, and users' code prints what it likes."""
    log = ServerLog("node1", "server.log", "http://127.0.0.1:8888/lab?token=canary-4711\n")
    assert "canary" not in shown(log)
    assert "token=[redacted]" in shown(log)
