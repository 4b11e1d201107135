"""What of an engineer's own configuration holds in a lab, and what is said of the rest."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from traitlets.config import Config

from hublab.deployment.own_config import Override, overrides
from hublab.errors import UsageError

ETC = Path(__file__).parents[2] / "compose" / "etc"
LAB = {"hub": "jhub", "proxy": "front", "nodes": ["w1", "w2"], "users": []}


@pytest.fixture
def hub_config(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it runs on the hub's host."""
    for folder in (ETC, ETC / "hub"):
        monkeypatch.syspath_prepend(str(folder))
    import own_hub_config  # type: ignore[import-not-found]

    return own_hub_config  # type: ignore[no-any-return]


@pytest.fixture
def base(tmp_path: Path, hub_config: ModuleType) -> Config:
    """The base configuration of a lab."""
    for name in ("password", "admin_password"):
        (tmp_path / name).write_text("secret")
    (tmp_path / "lab.json").write_text(json.dumps(LAB))
    config = Config()
    sys.modules.pop("base_config", None)
    import base_config  # type: ignore[import-not-found]

    base_config.apply(config, tmp_path)
    return config


def laid(module: ModuleType, base: Config, folder: Path, text: str) -> dict[str, dict[str, str]]:
    path = folder / "theirs.py"
    path.write_text(text)
    return {one["trait"]: one for one in module.apply(base, path, LAB)}


def test_no_file_changes_nothing(hub_config: ModuleType, base: Config, tmp_path: Path) -> None:
    assert hub_config.apply(base, tmp_path / "none.py", LAB) == []
    assert base.JupyterHub.hub_connect_ip == "jhub"
    assert base.ConfigurableHTTPProxy.api_url == "http://front:8001"


def test_the_users_values_apply_except_those_that_the_lab_sets(
    hub_config: ModuleType, base: Config, tmp_path: Path
) -> None:
    text = (
        "c.JupyterHub.hub_connect_ip = '10.0.0.1'\n"
        "c.JupyterHub.bind_url = 'https://hub.example.org/jhub'\n"
        "c.JupyterHub.authenticator_class = 'dummy'\n"
        "c.JupyterHub.active_server_limit = 3\n"
        "c.DockerSpawner.image = 'x'\n"
        "get_config().Spawner.environment.update({'A': '1'})\n"
    )
    replaced = laid(hub_config, base, tmp_path, text)
    assert sorted(replaced) == [
        "DockerSpawner.image",
        "JupyterHub.authenticator_class",  # it holds, and has passwords of its own
        "JupyterHub.bind_url",
        "JupyterHub.hub_connect_ip",
        "JupyterHub.spawner_class",
    ]
    assert replaced["JupyterHub.hub_connect_ip"]["theirs"] == "'10.0.0.1'"
    assert replaced["JupyterHub.hub_connect_ip"]["ours"] == "'jhub'"
    assert replaced["JupyterHub.spawner_class"]["theirs"] is None
    assert base.JupyterHub.authenticator_class == "dummy"
    assert base.JupyterHub.active_server_limit == 3
    assert base.JupyterHub.base_url == "/jhub"
    assert "DockerSpawner" not in base


def test_a_value_equal_to_the_labs_is_not_reported(
    hub_config: ModuleType, base: Config, tmp_path: Path
) -> None:
    text = "c.JupyterHub.spawner_class = 'ssh'\nc.ConfigurableHTTPProxy.should_start = False\n"
    assert list(laid(hub_config, base, tmp_path, text)) == ["JupyterHub.authenticator_class"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("pam", "accounts exist on the nodes"),
        ("nobody.HasThis", "it is not installed in the lab"),
    ],
)
def test_an_authenticator_that_cannot_work_here_is_replaced(
    hub_config: ModuleType, base: Config, tmp_path: Path, value: str, why: str
) -> None:
    replaced = laid(hub_config, base, tmp_path, f"c.JupyterHub.authenticator_class = {value!r}\n")
    assert replaced["JupyterHub.authenticator_class"]["why"].startswith(why)
    assert base.JupyterHub.authenticator_class == "shared-password"


def test_secrets_are_not_shown(hub_config: ModuleType, base: Config, tmp_path: Path) -> None:
    text = (
        "c.JupyterHub.db_url = 'postgresql://hub:s3cret@db/hub'\n"
        "c.ConfigurableHTTPProxy.auth_token = 's3cret'\n"
    )
    replaced = laid(hub_config, base, tmp_path, text)
    assert replaced["JupyterHub.db_url"]["theirs"] == "'postgresql://hub:(hidden)@db/hub'"
    assert "s3cret" not in json.dumps(replaced)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("import sys\nc.JupyterHub.x = nothing\n", 2, "NameError: name 'nothing' is not defined"),
        ("if True\n  pass\n", 1, "SyntaxError: expected ':'"),
        ("\n\nopen('/no/such/file')\n", 3, "FileNotFoundError: "),
        ("raise SystemExit(3)\n", 1, "SystemExit: 3"),
    ],
)
def test_a_broken_file_names_its_line(
    hub_config: ModuleType, base: Config, tmp_path: Path, text: str, line: int, reason: str
) -> None:
    import own_config  # type: ignore[import-not-found]

    with pytest.raises(own_config.Broken) as caught:
        laid(hub_config, base, tmp_path, text)
    assert caught.value.line == line
    assert str(caught.value).startswith(reason)


def test_the_result_of_the_container_is_parsed() -> None:
    path = Path("my.py")
    one = {"trait": "A.b", "theirs": "1", "ours": None, "why": "so", "line": 3}
    assert overrides({"overridden": [one]}, path) == [Override("A.b", "1", None, "so", line=3)]
    wrong = [{"why": "no int", "line": 2}, {"why": "no set", "line": 5}]
    with pytest.raises(UsageError, match=r"no int\nno set(.|\n)*my\.py:2(.|\n)*my\.py:5"):
        overrides({"wrong": wrong}, path)
    with pytest.raises(UsageError, match="--env PREFIX takes"):
        overrides({"broken": "KeyError: 'PREFIX'", "line": 1}, path)
    with pytest.raises(UsageError, match=r"KeyError(.|\n)*where: my\.py:7"):
        overrides({"broken": "KeyError: 'x'", "line": 7}, path)


def account(
    module: ModuleType, base: Config, folder: Path, text: str
) -> tuple[dict[str, tuple[str, int | None]], list[str], list[str]]:
    """What is listed (kind and line), what holds, and what is refused, of a file's settings."""
    import accounting  # type: ignore[import-not-found]
    import own_config

    path = folder / "theirs.py"
    path.write_text(text)
    theirs = own_config.run(path)
    listed = module.merge(base, theirs, LAB)
    found, holds, wrong = accounting.Account(theirs, base).rest(listed)
    listed += [*found, *accounting.imports(theirs)]
    kinds = {one["trait"]: (one["kind"], one["line"]) for one in listed if one["line"]}
    return kinds, holds, [one["trait"] for one in wrong]


@pytest.mark.parametrize(
    ("text", "listed", "holds"),
    [
        (
            "c.JupyterHub.active_server_limits = 3\nc.Jupyterhub.base_url = '/x'\n",
            {"JupyterHub.active_server_limits": "unknown", "Jupyterhub.base_url": "unknown"},
            [],
        ),
        (
            "c.NotebookApp.ip = '0.0.0.0'\nc.PAMAuthenticator.open_sessions = False\n",
            {"NotebookApp.ip": "not in force", "PAMAuthenticator.open_sessions": "not in force"},
            [],
        ),
        (
            "c.JupyterHub.spawner_class = 'sshspawner.sshspawner.SSHSpawner'\n"
            "c.SSHSpawner.path = '/opt'\n",
            {"JupyterHub.spawner_class": "replaced", "SSHSpawner.path": "not in force"},
            [],
        ),
        (
            "import batchspawner\n"
            "c.JupyterHub.spawner_class = 'batchspawner.SlurmSpawner'\n"
            "c.JupyterHub.active_server_limit = 7\n",
            {"JupyterHub.spawner_class": "replaced", "import batchspawner": "not here"},
            ["JupyterHub.active_server_limit"],
        ),
        (
            "c.JupyterHub.internal_ssl = True\nc.JupyterHub.trusted_alt_names = ['DNS:hub']\n",
            {
                "JupyterHub.internal_ssl": "replaced",
                "JupyterHub.trusted_alt_names": "not in force",
            },
            [],
        ),
        (
            "c.JupyterHub.subdomain_host = 'https://hub.example.org'\n",
            {"JupyterHub.subdomain_host": "not here"},
            [],
        ),
        ("c.JupyterHub.logo_file = '/no/logo'\n", {"JupyterHub.logo_file": "not here"}, []),
        ("c.JupyterHub.config_file = '/no/file'\n", {"JupyterHub.config_file": "replaced"}, []),
        (
            "c.JupyterHub.hub_port = 8081\nc.JupyterHub.port = 8001\n",
            {"JupyterHub.port": "replaced"},
            ["JupyterHub.hub_port"],
        ),
        ("c.Spawner.notebook_dir = '/home/jovyan'\n", {"Spawner.notebook_dir": "not here"}, []),
        ("c.Spawner.notebook_dir = '/home/{username}'\n", {}, ["Spawner.notebook_dir"]),
        ("c.Spawner.notebook_dir = '~'\n", {}, ["Spawner.notebook_dir"]),
        ("c.JupyterHub.template_paths = ['no']\n", {"JupyterHub.template_paths": "not here"}, []),
        (
            "c.ConfigurableHTTPProxy.debug = True\nc.ConfigurableHTTPProxy.concurrency = 3\n",
            {"ConfigurableHTTPProxy.debug": "not in force"},
            ["ConfigurableHTTPProxy.concurrency"],
        ),
        ("c.JupyterHub.confirm_no_ssl = True\n", {"JupyterHub.confirm_no_ssl": "old"}, []),
        ("c.JupyterHub.extra_log_file = '/l'\n", {"JupyterHub.extra_log_file": "replaced"}, []),
        ("c.Spawner.mem_limit = '1G'\n", {"Spawner.mem_limit": "not in force"}, []),
        (
            "c.JupyterHub.services = [{'name': 'cull', 'command': ['/bin/sh', 'cull.py']}]\n",
            {"JupyterHub.services": "not here"},
            [],
        ),
        (
            "c.JupyterHub.services = [{'name': 'm', 'command': ['python3', '-m', 'no.such']}]\n",
            {"JupyterHub.services": "not here"},
            [],
        ),
        (
            "c.JupyterHub.services = [{'name': 'r', 'user': 'nobody', 'command': ['true']}]\n",
            {"JupyterHub.services": "not here"},
            [],
        ),
        (
            "c.JupyterHub.services = [{'name': 'c', 'cwd': '/no/one', 'command': ['true']}]\n",
            {"JupyterHub.services": "not here"},
            [],
        ),
        (
            "c.JupyterHub.services = [{'name': 'j', 'command': ['python3', '-m', 'json.tool']}]\n",
            {},
            ["JupyterHub.services"],
        ),
        (  # a module beside the configuration, as in JupyterHub's example service-announcement
            "import pathlib\n"
            "here, module = pathlib.Path(__file__).parent, pathlib.Path(__file__).stem\n"
            "c.JupyterHub.services = [\n"
            "    {'name': 'b', 'cwd': str(here), 'command': ['python3', '-m', module]}\n"
            "]\n",
            {},
            ["JupyterHub.services"],
        ),
        (
            "c.Spawner.cmd.append('--debug')\nc.KubeSpawner.volumes.append({'name': 'home'})\n",
            {"Spawner.cmd": "replaced", "KubeSpawner.volumes": "not in force"},
            [],
        ),
        (
            "from jupyterhub.auth import Authenticator\n"
            "from traitlets import Unicode\n"
            "class Campus(Authenticator):\n"
            "    hall = Unicode('').tag(config=True)\n"
            "c.JupyterHub.authenticator_class = Campus\n"
            "c.Campus.hall = 'east'\n"
            "c.Campus.hal = 'west'\n",
            {"JupyterHub.authenticator_class": "sign-in", "Campus.hal": "unknown"},
            ["Campus.hall"],
        ),
        (
            "c.SharedPasswordAuthenticator.user_password = 'twelve letters'\n",
            {"SharedPasswordAuthenticator.user_password": "sign-in"},
            [],
        ),
        (
            "c.Spawner.start_timeout = 50\nc.SSHSpawner.start_timeout = 70\n",
            {"Spawner.start_timeout": "not in force"},
            ["SSHSpawner.start_timeout"],
        ),
        ("\ufeffc.JupyterHub.base_url = '/x'\n", {}, ["JupyterHub.base_url"]),
        ("c.Spawner.env_keep.append('TZ')\n", {}, ["Spawner.env_keep"]),
    ],
)
def test_each_setting_is_accounted_for_with_its_line(
    hub_config: ModuleType,
    base: Config,
    tmp_path: Path,
    text: str,
    listed: dict[str, str],
    holds: list[str],
) -> None:
    found, held, wrong = account(hub_config, base, tmp_path, text)
    assert {trait: kind for trait, (kind, _) in found.items()} == listed
    assert (held, wrong) == (holds, [])


def test_the_line_is_the_one_that_sets_it(hub_config: ModuleType) -> None:
    """By whatever name, and not the line that only reads it."""
    import config_lines  # type: ignore[import-not-found]

    text = (
        "hub = c.JupyterHub\n"
        "hub.base_url = '/x'\n"
        "c['Spawner']['args'] = []\n"
        "c.Spawner.args.append('--debug')\n"
        "c.JupyterHub.tornado_settings['headers'] = {}\n"
        "c.Spawner.environment = {'URL': hub.base_url, 'AS': c.JupyterHub.tornado_settings}\n"
        "configure(c.Proxy.extra_routes)\n"
    )
    expected = {
        "JupyterHub.base_url": 2,
        "Spawner.args": 4,
        "JupyterHub.tornado_settings": 5,
        "Spawner.environment": 6,
        "Proxy.extra_routes": 7,
    }
    found = config_lines.lines_of(text)
    assert {key: found.get(key) for key in expected} == expected


def test_a_subclass_of_the_labs_spawner_keeps_its_settings(
    hub_config: ModuleType, base: Config, tmp_path: Path
) -> None:
    text = (
        "from jupyterhub_sshspawner import SSHSpawner\n"
        "class SiteSpawner(SSHSpawner): pass\n"
        "c.JupyterHub.spawner_class = SiteSpawner\n"
        "c.SiteSpawner.start_timeout = 90\n"
    )
    found, held, _ = account(hub_config, base, tmp_path, text)
    assert found == {}
    assert held == ["JupyterHub.spawner_class", "SiteSpawner.start_timeout"]


def test_all_wrong_values_in_one_round(
    hub_config: ModuleType, base: Config, tmp_path: Path
) -> None:
    """Also those of the right type that JupyterHub does not take."""
    text = (
        "c.Authenticator.admin_users = 7\nc.Spawner.start_timeout = '60'\n"
        "c.JupyterHub.subdomain_hook = 'nope'\nc.JupyterHub.cookie_secret = 'abc'\n"
    )
    wrong = account(hub_config, base, tmp_path, text)[2]
    assert wrong == [
        "Authenticator.admin_users",
        "Spawner.start_timeout",
        "JupyterHub.subdomain_hook",
        "JupyterHub.cookie_secret",
    ]


def test_a_state_of_users_needs_a_key(
    hub_config: ModuleType, base: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one the hub ends: jupyterhub/app.py, `init_users`."""
    text = "c.Authenticator.enable_auth_state = True\n"
    monkeypatch.delenv("JUPYTERHUB_CRYPT_KEY", raising=False)
    assert account(hub_config, base, tmp_path, text)[2] == ["Authenticator.enable_auth_state"]
    monkeypatch.setenv("JUPYTERHUB_CRYPT_KEY", "short")
    assert account(hub_config, base, tmp_path, text)[2] == ["Authenticator.enable_auth_state"]
    monkeypatch.setenv("JUPYTERHUB_CRYPT_KEY", "3f" * 32)
    assert account(hub_config, base, tmp_path, text)[1] == ["Authenticator.enable_auth_state"]


def test_what_is_old_is_told_in_whole_words(hub_config: ModuleType) -> None:
    import accounting

    assert hub_config
    assert accounting.old_words(".. deprecated:: 5.3 \n Use another.") == (
        "deprecated since 5.3: Use another."
    )
    assert accounting.old_words(f"DEPRECATED: {'word ' * 60}").endswith("word …")


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("allowed_users = {'bob'}", False),
        ("whitelist = {'bob'}", False),
        ("allowed_users.add('bob')", False),
        ("allow_all = False", False),
        ("allowed_users = set()", True),
    ],
)
def test_who_may_sign_in_is_the_users_rule(
    hub_config: ModuleType, base: Config, tmp_path: Path, rule: str, kept: bool
) -> None:
    laid(hub_config, base, tmp_path, f"c.Authenticator.{rule}\n")
    assert bool(base.Authenticator.get("allow_all")) == kept


def test_a_list_that_is_only_appended_to_is_a_list(hub_config: ModuleType) -> None:
    import own_config

    config = Config()
    config.JupyterHub.services.append({"name": "peek"})
    assert hub_config
    assert own_config.whole_list(config.JupyterHub.services) == [{"name": "peek"}]
    assert own_config.shown("JupyterHub.services", config.JupyterHub.services) == (
        "added [{'name': 'peek'}]"
    )


def test_a_file_that_does_not_end_is_broken_at_its_line(
    hub_config: ModuleType, tmp_path: Path
) -> None:
    import own_config

    path = tmp_path / "theirs.py"
    path.write_text("import time\ntry:\n    time.sleep(600)\nexcept Exception:\n    pass\n")
    with pytest.raises(own_config.Broken, match="did not end within 1 s") as caught:
        own_config.run(path, 1)
    assert hub_config
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("ModuleNotFoundError: No module named 'beside.user'", "--env PYTHONPATH="),
        ("ModuleNotFoundError: No module named 'helpers'", "--env PYTHONPATH="),
        ("ModuleNotFoundError: No module named 'elsewhere'", "--hub-requirements"),
        ("KeyError: 'CLIENT_SECRET'", "--env CLIENT_SECRET"),
    ],
)
def test_a_hint_names_what_helps(tmp_path: Path, reason: str, words: str) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "helpers.py").touch()
    with pytest.raises(UsageError) as raised:
        overrides({"broken": reason, "line": 3}, tmp_path / "jupyterhub_config.py")
    assert words in str(raised.value.hint)


@pytest.fixture
def subconfig(tmp_path: Path, hub_config: ModuleType) -> tuple[Path, Path]:
    """A configuration, and one that it loads."""
    main = tmp_path / "jupyterhub_config.py"
    main.write_text("c.JupyterHub.log_level = 'INFO'\nload_subconfig('more.d/10.py')\n")
    (tmp_path / "more.d").mkdir()
    return main, tmp_path / "more.d" / "10.py"


@pytest.mark.parametrize("text", ["c = get_config()\nc.Spawner.x = nothing\n", "c = 1\nc c\n"])
def test_a_subconfig_that_does_not_run_is_told_with_its_own_line(
    hub_config: ModuleType, subconfig: tuple[Path, Path], text: str
) -> None:
    main, more = subconfig
    more.write_text(text)
    own_config = hub_config.own_config
    with pytest.raises(own_config.Broken) as raised:
        own_config.run(main)
    answer = {"broken": str(raised.value), "line": raised.value.line, "file": raised.value.file}
    with pytest.raises(UsageError) as told:
        overrides(answer, main)
    assert told.value.where == f"{more}:2"


def test_a_setting_of_a_subconfig_has_its_file_and_line(
    hub_config: ModuleType, subconfig: tuple[Path, Path], base: Config
) -> None:
    main, more = subconfig
    more.write_text("c = get_config()\n\nc.JupyterHub.hub_port = 9000\n")
    loaded = hub_config.own_config.run(main)
    found = {one["trait"]: one for one in loaded.place(hub_config.merge(base, loaded, LAB))}
    port = Override(**found["JupyterHub.hub_port"])
    assert (port.file, port.line) == ("more.d/10.py", 3)


def test_a_url_of_tokens_is_no_secret(hub_config: ModuleType) -> None:
    shown = hub_config.own_config.shown
    assert shown("GenericOAuthenticator.token_url", "https://a.example.org/token") != "(hidden)"
    assert shown("Service.api_token", "t") == "(hidden)"
