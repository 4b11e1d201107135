"""Settings: parsing, errors that help, and what the hosts get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hublab.errors import SettingError
from hublab.settings.files import case_file, changed_keys, files_for, read_case, roles_of
from hublab.settings.secrets import shown_value
from hublab.settings.syntax import format_value, parse_setting
from hublab.settings.values import Settings, unknown_setting

words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
keys = st.builds(lambda s, c, t: f"{s}.{c}.{t}", st.sampled_from(["hub", "server"]), words, words)
text = st.text(st.characters(codec="utf-8"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
settings = st.dictionaries(keys, json_values, max_size=5).map(Settings)


def test_raw_text_stays_for_the_trait_to_parse() -> None:
    assert parse_setting("hub.Spawner.http_timeout=5.4").value == "5.4"
    assert parse_setting("hub.JupyterHub.hub_connect_ip=").value == ""
    assert parse_setting("server.ServerApp.allow_origin=http://a/?b=c").value == "http://a/?b=c"


def test_the_first_character_decides_whether_a_value_is_json() -> None:
    assert parse_setting('hub.A.b=["x", 1]').value == ["x", 1]
    assert parse_setting('hub.A.b={"x": null}').value == {"x": None}
    assert parse_setting('hub.A.b="[text"').value == "[text"


@given(keys, text | st.lists(json_values) | st.dictionaries(text, json_values))
def test_a_formatted_value_parses_back_equal(key: str, value: object) -> None:
    written = f"{key}={format_value(key, value)}"  # type: ignore[arg-type]
    setting = parse_setting(written)
    assert (setting.key, setting.value) == (key, value)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("hub.JupyterHub.hub_ip", "no '='"),
        ("hubs.JupyterHub.hub_ip=1", "hint: hub.JupyterHub.hub_ip"),
        ("Spawner.ip=1", "hint: hub.Spawner.ip or server.Spawner.ip"),
        ("nonsense.x=1", "hub, server, proxy, sshd, nginx"),
        ("hub.JupyterHub=1", "hub.<Class>.<trait>"),
        ("hub.JupyterHub.=1", "hub.<Class>.<trait>"),
        ("hub..hub_ip=1", "hub.<Class>.<trait>"),
        ("proxy.=1", "proxy.<option>"),
        ("proxy.--ip=1", "proxy.<option>"),
        ("sshd.Max Sessions=1", "sshd.<Option>"),
        ("sshd.Banner=a\nPermitRootLogin yes", "one line"),
        ('hub.JupyterHub.template_vars={"a": "\\ud800"}', "half of a character"),
        ("hub.Spawner.cmd=\udcff", "half of a character"),
        ('sshd.MaxSessions=["1"]', "a text or a number"),
        ("nginx.proxy_set_header=Host x", "nginx.proxy_set_header.<Header>"),
        ("nginx.Listen=80", "nginx.<directive>"),
        ("nginx.a.b.c=1", "nginx.<directive>"),
        ("nginx.proxy_buffering=off; gzip on", "words of one directive"),
        ('nginx.add_header.X=a"; gzip on; "b', "words of one directive"),
        ("nginx.add_header.X=a\\", "words of one directive"),
        ("nginx.return=200 'x", "words of one directive"),
        ("nginx.if=($a) { return 200", "words of one directive"),
        ("hub.A.tornado_settings.headers=1", 'hub.A.tornado_settings={…}'),
        ('hub.A.b=["x" 1]', "character 6"),
        ("hub.A.b=[\n", "character 3"),
        ("hub.A.b=[NaN]", "NaN is not JSON"),
        ("hub.snippet=/nowhere/a.py", "/nowhere/a.py: No such file"),
    ],
)  # fmt: skip
def test_errors_give_a_hint(given_text: str, expected: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_setting(given_text, where="--set")
    assert expected in str(caught.value)
    assert "where: --set" in str(caught.value)


def test_one_key_with_two_values_is_refused() -> None:
    same = ["hub.A.b=1", "hub.A.b=1"]
    assert Settings.parse(same) == {"hub.A.b": "1"}
    with pytest.raises(SettingError, match="given twice: '1' and '2'"):
        Settings.parse([*same, "hub.A.b=2"])


def test_keywords_of_sshd_and_headers_are_of_any_case() -> None:
    """Sources: sshd_config(5), "keywords are case-insensitive"; RFC 9110, section 5.1."""
    for one, other in (
        ("sshd.MaxSessions", "sshd.maxsessions"),
        ("nginx.add_header.X-Way", "nginx.add_header.x-way"),
    ):
        base = Settings({one: "1"})
        assert base.merged({other: "2"}) == {other: "2"}
        assert not base.without(other)
        with pytest.raises(SettingError, match="are one setting"):
            Settings({one: "1", other: "2"})
    assert len(Settings({"hub.A.b": 1, "hub.A.B": 1})) == 2


def test_a_snippet_counts_by_its_contents(tmp_path: Path) -> None:
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("c.Spawner.pre_spawn_hook = print\n")
    other.write_text(one.read_text())
    first = Settings.parse([f"hub.snippet={one}"])
    second = Settings.parse([f"hub.snippet={other}"])
    assert first.snippet("hub") == one.read_text()
    assert first.snippet("server") is None
    assert first.scope("hub") == {}
    assert first.digest == second.digest
    other.write_text("c.Spawner.pre_spawn_hook = repr\n")
    assert first.digest != Settings.parse([f"hub.snippet={other}"]).digest


def test_a_scope_has_the_form_of_its_hosts_file() -> None:
    made = Settings.parse(
        ["hub.JupyterHub.hub_ip=a", "hub.JupyterHub.base_url=/x", "hub.Spawner.ip=b",
         "server.ServerApp.port=1", "proxy.proxy-timeout=5", "sshd.MaxSessions=3"]
    )  # fmt: skip
    assert made.scope("hub") == {
        "JupyterHub": {"hub_ip": "a", "base_url": "/x"},
        "Spawner": {"ip": "b"},
    }
    assert made.scope("server") == {"ServerApp": {"port": "1"}}
    assert made.scope("proxy") == {"proxy-timeout": "5"}
    assert made.scope("sshd") == {"MaxSessions": "3"}


@given(settings)
def test_settings_survive_json(made: Settings) -> None:
    again = Settings.from_json(json.loads(json.dumps(made.as_json())))
    assert again == made
    assert again.digest == made.digest


@given(settings, settings)
def test_the_other_settings_override_when_merged(base: Settings, other: Settings) -> None:
    merged = base.merged(other)
    assert merged == {**base, **other}
    assert merged.without(*other) == {k: v for k, v in base.items() if k not in other}


def test_a_digest_ignores_order_and_depends_on_values() -> None:
    one = Settings({"hub.A.b": 1, "hub.A.c": 2})
    assert one.digest == Settings({"hub.A.c": 2, "hub.A.b": 1}).digest
    assert one.digest != Settings({"hub.A.c": 2, "hub.A.b": "1"}).digest
    assert len(one.digest) == 12


def test_values_cannot_be_changed_from_outside() -> None:
    value = ["x"]
    made = Settings({"hub.A.b": value})
    value.append("y")
    got = made["hub.A.b"]
    assert isinstance(got, list)
    got.append("z")
    assert made == {"hub.A.b": ["x"]}


def test_a_value_from_python_must_be_json() -> None:
    with pytest.raises(SettingError, match=r"hub\.A\.b is not JSON"):
        Settings({"hub.A.b": print})  # type: ignore[dict-item]
    with pytest.raises(SettingError, match="needs a file"):
        Settings({"hub.snippet": "a.py"})


def test_an_unknown_setting_names_the_nearest() -> None:
    known = ["hub.JupyterHub.hub_connect_ip", "hub.JupyterHub.hub_ip", "hub.Spawner.ip"]
    message = str(unknown_setting("hub.JupyterHub.hub_conect_ip", known))
    assert "hint: hub.JupyterHub.hub_connect_ip" in message
    assert "hub.Spawner.ip" in str(unknown_setting("hub.SSHSpawner.ip", known))
    assert "hint" not in str(unknown_setting("hub.Q.zzz", known))


def test_a_lab_s_case_file_reads_back() -> None:
    given_settings = Settings.parse(["hub.Spawner.ip=a", "sshd.MaxSessions=3"])
    assert read_case(None) == (Settings(), ())
    assert read_case(case_file(given_settings).content) == (given_settings, ())
    (remembered, *_) = files_for(["hub"], given_settings, ["sshd.MaxSessions"])
    assert read_case(remembered.content) == (given_settings, ("sshd.MaxSessions",))


def test_only_what_a_program_reads_at_its_start_needs_a_restart() -> None:
    old = Settings.parse(["hub.Spawner.ip=a", "proxy.timeout=1", "server.ServerApp.port=1"])
    new = Settings.parse(["hub.Spawner.ip=b", "server.ServerApp.port=2", "sshd.MaxSessions=3"])
    keys = changed_keys(old, new)
    assert keys == ["hub.Spawner.ip", "proxy.timeout", "sshd.MaxSessions"]
    assert roles_of(keys) == ["hub", "proxy", "node"]
    assert roles_of(["nginx.listen", "hub.Spawner.ip"]) == ["hub", "reverse-proxy"]
    assert changed_keys(new, new) == []


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("1m", "client_max_body_size\t1m\n"),
        (1000, "client_max_body_size\t1000\n"),
        (" a  'b; c' ", "client_max_body_size\ta  'b; c'\n"),
        ('"{x}" ${y}z \\; a"b#', 'client_max_body_size\t"{x}" ${y}z \\; a"b#\n'),
        ("", 'client_max_body_size\t""\n'),
        (False, "client_max_body_size\t\n"),
        ("false", "client_max_body_size\t\n"),
    ],
)
def test_a_directive_is_its_words_a_tab_and_its_value(value: str | int, line: str) -> None:
    """An empty value is nginx's empty word, and false leaves the site's own directive out."""
    (file,) = files_for(["reverse-proxy"], Settings({"nginx.client_max_body_size": value}))
    assert (file.name, file.content.decode(), file.mode) == ("nginx.directives", line, 0o600)


def test_a_header_is_a_directive_of_its_own() -> None:
    made = Settings.parse(["nginx.proxy_set_header.X-A=$host", "nginx.proxy_set_header.Upgrade="])
    (file,) = files_for(["reverse-proxy"], made)
    assert file.content.decode() == ('proxy_set_header Upgrade\t""\nproxy_set_header X-A\t$host\n')


def test_secrets_are_found_at_any_depth() -> None:
    made = Settings(
        {
            "hub.DummyAuthenticator.password": "geheimnis",
            "hub.JupyterHub.services": [{"name": "x", "api_token": "nested"}],
            "hub.X.tokens": {"alice": ["tok-1", "tok-2"]},
            "server.ServerApp.allow_password_change": "False",
            "sshd.PasswordAuthentication": "no",
            "server.X.token_file": "/etc/token",
            "hub.JupyterHub.db_url": "postgresql://hub:in-url@db:5432/hub",
            "proxy.default-target": "http://nobody@hub:8081/?a=b:c@d",
        }
    )
    assert made.secret_values() == {"geheimnis", "nested", "tok-1", "tok-2", "in-url"}
    told = json.dumps(made.masked())
    assert not [secret for secret in made.secret_values() if secret in told]
    assert '"name": "x"' in told
    assert made.masked()["sshd.PasswordAuthentication"] == "no"
    assert made.masked()["server.X.token_file"] == "/etc/token"
    assert made.masked()["hub.JupyterHub.db_url"] == "postgresql://hub:(hidden)@db:5432/hub"
    plain = "proxy.default-target"
    assert made.masked()[plain] == made[plain]


def test_a_secret_is_shown_by_its_digest() -> None:
    key = "hub.DummyAuthenticator.password"
    assert shown_value("hub.Spawner.ip", "geheimnis") == "geheimnis"
    assert "geheimnis" not in shown_value(key, "geheimnis")
    assert shown_value(key, "geheimnis") != shown_value(key, "anderes")
