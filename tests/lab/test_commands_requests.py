"""`hublab request` and `hublab websocket` against a lab: as typed, as whom, and what is hidden."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from lifecycle import hublab, lab_for_a_test

from hublab.engine import Engine
from hublab.running import programs
from hublab.running.lab import Lab

ODD = (
    "/user/alice/../x",
    "/user/alice/%2e%2e/x",
    "/%2F",
    "/user//alice/",
    "/user/alice/api;x=1",
    "http://other.lab/hub/api",
)
"""What clients tidy up. The proxy logs the target of each, without its query."""
REFUSED = ("/a b", "hub/login", "/ü")
"""What Node's HTTP parser does not take: the proxy's answer is 400, before any route."""
EVENTS = "/user/alice/api/events/subscribe"


@pytest.fixture(scope="module")
def lab() -> Iterator[str]:
    """A lab with alice's server, whose proxy logs what it does."""
    with lab_for_a_test() as name:
        assert hublab("set", "proxy.log-level=debug", "--name", name).returncode == 0
        assert hublab("spawn", "alice", "--name", name).returncode == 0
        yield name


def ask(lab: str, *argv: str, verb: str = "request") -> dict[str, Any]:
    done = hublab(verb, *argv, "--json", "--name", lab)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def refused(lab: str, *argv: str) -> tuple[int, str]:
    done = hublab(*argv, "--name", lab)
    assert not done.stdout, done.stdout
    return done.returncode, done.stderr


@pytest.mark.parametrize("target", ODD)
def test_odd_targets_reach_the_proxy_as_typed(lab: str, target: str) -> None:
    ask(lab, target)
    assert f"PROXY WEB {target} to " in hublab("logs", "proxy", "--name", lab).stdout


@pytest.mark.parametrize("target", REFUSED)
def test_what_the_proxy_does_not_take_is_answered_by_it(lab: str, target: str) -> None:
    assert ask(lab, target)["status"] == 400


def test_the_way_from_the_root_to_the_server_and_no_secret_in_it(lab: str) -> None:
    """302 to the hub, to the server, through OAuth and back (see 5.1 of JupyterHub's flow)."""
    done = hublab("request", "/", "--as", "alice", "--follow", "--json", "--name", lab)
    answer = json.loads(done.stdout)
    assert answer["status"] == 200
    assert answer["url"].endswith("/user/alice/lab")
    assert [step["status"] for step in answer["chain"]] == [*[302] * 6, 200]
    assert "/hub/api/oauth2/authorize?" in answer["chain"][4]["url"]
    assert "code=[redacted]" in answer["chain"][5]["url"]
    printed = done.stdout + done.stderr
    secrets = Lab.find(lab, Engine.connect()).secrets()
    assert not [secret for secret in secrets if secret in printed]


def test_without_follow_the_redirect_is_the_answer(lab: str) -> None:
    answer = ask(lab, "/")
    assert answer["status"] == 302
    assert answer["chain"] == [
        {"method": "GET", "url": "http://proxy:8000/", "status": 302, "location": "/hub/"}
    ]


def test_a_token_is_made_for_the_request_and_taken_back(lab: str) -> None:
    before = hublab("db", "api_tokens", "--json", "--name", lab).stdout
    assert json.loads(ask(lab, "/hub/api/user", "--as", "alice", "--token")["body"])["name"] == (
        "alice"
    )
    after = hublab("db", "api_tokens", "--json", "--name", lab).stdout
    ids = [{row["id"] for row in json.loads(text)["rows"]} for text in (before, after)]
    assert ids[0] == ids[1]


def test_a_server_is_entered_first_when_asked_to(lab: str) -> None:
    """The hub's cookie alone is none of the server's; its API does not redirect."""
    status = "/user/alice/api/status"
    assert ask(lab, status, "--as", "alice")["status"] == 403
    assert ask(lab, status, "--as", "alice", "--enter")["status"] == 200


def test_a_page_sends_its_xsrf_cookie_back(lab: str) -> None:
    """Creating a token by cookie: refused without the header, taken with it."""
    argv = ("/hub/api/users/alice/tokens", "--as", "alice", "--data", '{"expires_in": 60}')
    assert ask(lab, *argv)["status"] == 403
    made = ask(lab, *argv, "--xsrf")
    assert made["status"] == 201
    assert '"token": "[redacted]"' in made["body"]


def test_another_origin_is_said(lab: str) -> None:
    """A foreign origin gets no API of a server by cookie (jupyter_server: 404)."""
    argv = ("/user/alice/api/status", "--as", "alice", "--enter")
    own = ask(lab, *argv, "--origin", "http://proxy:8000")
    assert (own["status"], own["page"]["may_read"]) == (200, True)
    evil = ask(lab, *argv, "--origin", "http://evil.lab")
    assert (evil["status"], evil["page"]["may_read"]) == (404, False)
    assert evil["page"]["cookies"]["jupyterhub-user-alice"] is None
    assert "page" not in ask(lab, *argv)
    by_token = ("/user/alice/api/status", "--as", "alice", "--token", "--origin", "http://evil.lab")
    done = hublab("request", *by_token, "--name", lab)
    assert "a page of http://evil.lab could read this answer" in done.stderr
    assert "asks for permission, for authorization" in done.stderr


def test_upgrades(lab: str) -> None:
    short = ("--for", "200ms")
    taken = ask(lab, EVENTS, "--as", "alice", "--token", *short, verb="websocket")
    assert (taken["status"], taken["closed"]) == (101, None)
    assert taken["headers"]["Upgrade"] == "websocket"
    assert ask(lab, EVENTS, *short, verb="websocket")["status"] == 403
    foreign = ("--as", "alice", "--enter", "--origin", "http://evil.lab", *short)
    assert ask(lab, EVENTS, *foreign, verb="websocket")["status"] == 403


def test_frames_of_a_terminal(lab: str) -> None:
    """What is typed into a terminal comes back over the same WebSocket."""
    made = ask(lab, "/user/alice/api/terminals", "--as", "alice", "--token", "-X", "POST")
    number = json.loads(made["body"])["name"]
    seen = ask(
        lab,
        f"/user/alice/terminals/websocket/{number}",
        *("--as", "alice", "--token", "--send", '["stdin", "echo a$((1+1))b; exit\\r"]'),
        *("--for", "10s", "--frames", "50"),
        verb="websocket",
    )
    assert any("a2b" in frame["data"] for frame in seen["frames"]), seen["frames"]


def test_wrong_turns(lab: str) -> None:
    """One clear message each, and the exit code of a wrong use."""
    code, said = refused(lab, "request", "/", "--as", "nobody", "--token")
    assert code == 64
    assert said.startswith("hublab: the hub knows no user nobody\n  hint: one of ")
    code, said = refused(lab, "request", "/", "-H", "no colon")
    assert (code, said.splitlines()[0]) == (64, "hublab: 'no colon' is not a header")
    code, said = refused(lab, "request", "/a\nb")
    assert (code, said.splitlines()[0]) == (64, "hublab: a path cannot hold line breaks")
    code, said = refused(lab, "request", "/", "--token")
    assert (code, said) == (64, "hublab: --token needs a user\n  hint: --as USER\n")
    code, said = refused(lab, "websocket", "x")
    assert (code, said.splitlines()[0]) == (64, "hublab: 'x' is no path")
    code, said = refused("no-such-lab", "request", "/")
    assert code == 64
    assert said.startswith("hublab: no lab named no-such-lab is running")


def test_a_dead_proxy_is_undecided(lab: str) -> None:
    found = Lab.find(lab, Engine.connect())
    programs.stop(found, "proxy")
    try:
        for verb in ("request", "websocket"):
            code, said = refused(lab, verb, "/hub/api")
            assert code == 2, said
            assert "does not answer" in said
            assert "hublab reach" in said
    finally:
        programs.start(found, "proxy")
