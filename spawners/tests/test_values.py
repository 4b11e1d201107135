"""Environment, commands, state, paths: pure functions and what must hold of them."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_sshspawner import state
from jupyterhub_sshspawner.errors import Misconfigured
from jupyterhub_sshspawner.exchange import payload
from jupyterhub_sshspawner.exchange.protocol import request_bytes
from jupyterhub_sshspawner.launcher.instance import Instance
from jupyterhub_sshspawner.launcher.supervisor import environment
from jupyterhub_sshspawner.server import launching, tunnels
from jupyterhub_sshspawner.ssh.connect_arguments import check_connect_arguments
from jupyterhub_sshspawner.ssh.dialing import Hop
from jupyterhub_sshspawner.ssh.hops import parse_hop, written
from jupyterhub_sshspawner.traits import fill, parse_port_range


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "x"),
        ("A=B", "x"),
        ("A\0", "x"),
        ("A", "x\0y"),
        ("A", {}),
        ("A", ["x"]),
        ("A", object()),
        ("A", "\ud800"),
        ("A\udfff", "x"),
    ],
)
def test_impossible_environment_is_named(name: str, value: Any) -> None:
    """Spawner.environment values may be anything a callable returns."""
    with pytest.raises(Misconfigured, match="environment"):
        payload.checked_environment({name: value})


def test_numbers_become_text_and_none_is_left_out() -> None:
    assert payload.checked_environment({"A": 1, "B": None, "C": b"\xff"}) == {
        "A": "1", "C": "\udcff",
    }  # fmt: skip


@settings(max_examples=10)
@given(
    st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=4)
)
def test_a_shell_gets_the_arguments_whole(arguments: list[str]) -> None:
    """outpostspawner joins a command with blanks; a shell then runs what the user wrote."""
    argv = ["printf", "%s\\0", *arguments]
    out = subprocess.run(
        payload.command(argv, ["sh", "-c"], ""), stdout=subprocess.PIPE, check=True
    )
    assert out.stdout.decode().split("\0")[:-1] == (arguments or [""])


texts = st.text(st.characters(exclude_characters="\0"), max_size=40)
entries = st.dictionaries(texts.filter(lambda name: name and "=" not in name), texts, max_size=5)


@settings(max_examples=1000)
@given(entries)
def test_any_environment_arrives(env: dict[str, str]) -> None:
    """From the configuration through the request to what ``execve`` gets, any Unicode."""
    env = {f"X{name}": value for name, value in env.items()}  # the login's own are not ours
    try:
        wanted = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
    except UnicodeEncodeError:  # half a surrogate pair is no text
        with pytest.raises(Misconfigured, match="cannot be passed"):
            payload.checked_environment(env)
        return
    data = request_bytes("start", "n", {"env": payload.checked_environment(env)})
    request = {**json.loads(data.split(b"\n")[1]), "service_url": None, "files": []}
    got = environment(request, Instance(["/run"], "x"), 1)
    assert {name: got[name] for name in wanted} == wanted


@pytest.mark.report("jupyterhub/jupyterhub#4450")
def test_the_port_has_one_place() -> None:
    """jupyterhub#4450: a server told port 0 listens on 80."""
    url = {"JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:0/user/a%20b/"}
    assert payload.service_url(url) == (("http://0.0.0.0:", "/user/a%20b/"), 0)
    url = {"JUPYTERHUB_SERVICE_URL": "https://[::]:8888/"}
    assert payload.service_url(url) == (("https://[::]:", "/"), 8888)


@pytest.mark.parametrize("text", ["x", "1", "5-4", "0-10", "1-70000", "-1-5", "1-2-3"])
@pytest.mark.report("jupyterhub/batchspawner#102")
def test_impossible_port_ranges(text: str) -> None:
    """batchspawner#102."""
    with pytest.raises(Misconfigured, match='port_range must look like "40000-40100"'):
        parse_port_range(text)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("known_hosts", "SSHSpawner.known_hosts decides it"),
        ("username", "SSHSpawner.ssh_username decides it"),
        ("login_timeout", "SSHSpawner.sign_in_timeout decides it"),
        ("keepalive_interval", "SSHSpawner.keepalive_interval decides it"),
        ("encryption_alg", "near ones are encryption_algs"),
        ("self", "no argument 'self'"),
    ],
)
def test_arguments_that_ssh_options_does_not_take(name: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=f"SSHSpawner.ssh_options: .*{said}"):
        check_connect_arguments({"family": 2, name: None})


def test_arguments_that_ssh_options_takes() -> None:
    check_connect_arguments({"encryption_algs": ["aes128-ctr"], "family": 2})


def test_secrets_are_cut_out_of_logs() -> None:
    env = {"JUPYTERHUB_API_TOKEN": "abcdef", "DB_PASSWORD": "hunter22", "HOME": "/home/x"}
    hidden = payload.secrets_in(env, "more-secret", None)
    assert payload.redact("abcdef hunter22 more-secret /home/x", hidden) == (
        "[redacted] [redacted] [redacted] /home/x"
    )


@pytest.mark.parametrize(
    "name",
    ["PGPASS", "DB_PASS", "SMTP_PW", "MYSQL_PWD", "ENCRYPTION_KEY", "JUPYTERHUB_CRYPT_KEY",
     "SSH_PASSPHRASE", "CRYPT_KEYS", "smtp_pass", "PASS_FOR_DB"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert payload.secrets_in({name: "hunter22"}) == ["hunter22"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://u:hunter22@h/db", "postgres://u[redacted]h/db"),
        ("postgres://u:pw@h/db", "postgres://u[redacted]h/db"),
        ("redis://:hun%40ter@h:6379/0", "redis://[redacted]h:6379/0"),
        ("amqp://u:a@b:c@h", "amqp://u[redacted]h"),
    ],
)
def test_passwords_in_urls(url: str, shown: str) -> None:
    hidden = payload.secrets_in({"DATABASE_URL": url})
    assert payload.redact(f"at {url} it is", hidden) == f"at {shown} it is"


def test_a_password_of_a_url_by_itself() -> None:
    hidden = payload.secrets_in({"DATABASE_URL": "postgres://u:hunt%2Fer22@h/db"})
    assert payload.redact("password hunt/er22 refused", hidden) == "password [redacted] refused"


@pytest.mark.parametrize(
    ("name", "value"),
    [("PWD", "/home/x"), ("OLDPWD", "/home/x"), ("COMPASSION", "much"), ("USE_PASS", "true"),
     ("SORT_KEY", "id"), ("KEYBOARD", "german"), ("PASSTHROUGH", "none-of-it"),
     ("JUPYTERHUB_API_URL", "http://hub:8081/hub/api"), ("MAIL", "http://h:80/a@b")],
)  # fmt: skip
def test_what_is_no_secret_is_shown(name: str, value: str) -> None:
    """Last words full of holes help nobody."""
    assert payload.secrets_in({name: value}) == []


def test_secrets_are_cut_out_of_what_a_shell_repeats() -> None:
    """A start file that reads its stdin repeats our request, or a piece of it."""
    key = 'line one\n"two"\nline three'
    hidden = payload.secrets_in({"API_TOKEN": "0123456789abcdef"}, key)
    for said in (
        json.dumps({"env": {"API_TOKEN": "0123456789abcdef"}, "content": key}),
        "89abcdef and more",
        "at the end 01234567",
    ):
        told = payload.redact(said, hidden)
        assert not [word for word in ("4567", "89ab", "three") if word in told], told


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "a\0b"])
def test_a_user_name_does_not_lead_out_of_a_directory(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be part"):
        fill("/keys/{username}", username=name, ssh_username="x")


def test_jump_hosts() -> None:
    hops = [parse_hop(text) for text in ("u@h:2", "h", "[::1]:22")]
    assert hops == [Hop("h", 2, "u"), Hop("h"), Hop("::1")]
    assert [parse_hop(written(hop)) for hop in hops] == hops


@pytest.mark.parametrize(
    "text", ["", "a b", "u@", "h:x", "h:22:33", "@h", "h:0", "h:65536", "h:99999"]
)
def test_impossible_jump_hosts(text: str) -> None:
    with pytest.raises(Misconfigured, match="jump_hosts"):
        parse_hop(text)


def test_the_hub_behind_a_reverse_tunnel() -> None:
    env = {"JUPYTERHUB_API_URL": "http://hub:8081/hub/api", "OTHER": "http://hub:8081"}
    assert tunnels.through(env, 4000) == {
        "JUPYTERHUB_API_URL": "http://127.0.0.1:4000/hub/api", "OTHER": "http://hub:8081",
    }  # fmt: skip


instances = st.builds(
    state.Instance,
    instance=st.text(min_size=1), host=st.text(), pid=st.integers(), jumps=st.just(("a", "b")),
)  # fmt: skip


@given(st.none() | instances, st.integers(0), st.lists(instances))
@pytest.mark.report("jupyterhub/kubespawner#786")
def test_a_state_survives_the_database(
    current: state.Instance | None, token_id: int, orphans: list[state.Instance]
) -> None:
    """kubespawner#786: servers reported down after a restart, state not kept."""
    before = state.State(current, token_id, "c" if token_id else "", orphans)
    assert state.from_dict(json.loads(json.dumps(before.to_dict()))) == before


@given(
    st.dictionaries(
        st.sampled_from(["instance", "host", "pid", "orphans", "token_id", "new"]),
        st.none() | st.integers() | st.text() | st.lists(st.integers()),
    )
)
def test_any_state_can_be_read(body: dict[str, Any]) -> None:
    """An older or newer version's state must not keep the hub from starting."""
    state.from_dict(body)


@pytest.mark.parametrize(
    ("start_timeout", "spent", "seconds"),
    [(60, 0, 50), (60, 8, 42), (24, 0, 20), (12, 0, 9), (300, 0, 290), (1, 0, 1), (60, 58, 1)],
)
def test_the_node_gives_up_before_the_hub_does(
    start_timeout: float, spent: float, seconds: float
) -> None:
    """jupyterhub#4003: a start that the hub gives up has no words."""
    assert launching.patience(start_timeout, spent) == seconds
