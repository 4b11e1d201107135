"""``profile_list``: what the page shows, what is taken of a choice, and what of it stays.

The form of the list, of fields and of ``user_options`` is KubeSpawner's (its documentation of
``profile_list`` and of ``options_from_form``).
"""

from __future__ import annotations

import asyncio
import logging
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado import web

from jupyterhub_sshspawner import SSHSpawner, resolve
from jupyterhub_sshspawner.choice import options, overrides, profiles
from jupyterhub_sshspawner.errors import Misconfigured, OptionsRefused, Unreachable
from jupyterhub_sshspawner.server import launching

HOSTS: list[Any] = [
    "cpu1",
    "cpu2",
    {"name": "gpu1", "environment": {"SITE": "gpu", "CARD": "none"}, "prologue": "of the host"},
]
PROFILES: list[dict[str, Any]] = [
    {"display_name": "Small", "slug": "small", "spawner_override": {"hosts": ["cpu1", "cpu2"]}},
    {
        "display_name": "GPU & <b>more</b>",
        "slug": "gpu",
        "description": "One <script>card</script>",
        "spawner_override": {"hosts": "gpu1", "environment": {"CARD": "0", "KIND": "gpu"}},
        "profile_options": {
            "card": {
                "display_name": "Card",
                "choices": {
                    "first": {"display_name": "The first"},
                    "second": {
                        "display_name": "The second",
                        "spawner_override": {"environment": {"CARD": "1"}},
                    },
                },
                "unlisted_choice": {
                    "enabled": True,
                    "display_name": "Cards",
                    "validation_regex": r"\d(,\d)*",
                    "validation_message": "numbers with commas",
                    "spawner_override": {
                        "environment": {"CARD": "{value}"},
                        "prologue": "use {value}",
                    },
                },
            }
        },
    },
]


def made(**settings: Any) -> Any:
    user = SimpleNamespace(name="bob", groups=[])
    spawner: Any = SSHSpawner(
        user=user, **{"hosts": HOSTS, "profile_list": PROFILES, "args": ["--x"], **settings}
    )
    spawner.log = logging.getLogger("jupyterhub")
    spawner.environment = {"BASE": "1", "CARD": "base"}
    return spawner


def applied(spawner: Any, user_options: Any) -> Any:
    """The hosts of a start with these options."""

    async def story() -> Any:
        await options.apply(spawner, user_options)
        return await resolve.allowed_hosts(spawner)

    return asyncio.run(story())


def failed(spawner: Any, user_options: Any) -> tuple[int, str]:
    """Status and words of the failure that these options lead to."""
    with pytest.raises(web.HTTPError) as caught:
        applied(spawner, user_options)
    message: Any = caught.value
    return caught.value.status_code, message.jupyterhub_message


def refused(spawner: Any, user_options: Any) -> str:
    status, said = failed(spawner, user_options)
    assert status == 400
    return said


class Fields(HTMLParser):
    """Names and values of a form's fields, and which are marked."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.marked: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        if found.get("name"):
            self.names.add(str(found["name"]))
        if "checked" in found or "selected" in found:
            self.marked.append(str(found["value"]))


def test_the_form_has_kubespawners_fields_and_is_escaped() -> None:
    page = asyncio.run(options.form(made()))
    fields = Fields(page)
    assert fields.names == {
        "profile", "profile-option-gpu--card", "profile-option-gpu--card--unlisted-choice",
    }  # fmt: skip
    assert fields.marked == ["small", "first"]
    assert "GPU &amp; &lt;b&gt;more&lt;/b&gt;" in page
    assert not {"b", "script"} & fields.tags


def test_the_form_marks_the_last_choice_if_it_is_still_there() -> None:
    spawner = made()
    spawner.user_options = {"profile": "gpu", "card--unlisted-choice": '"><i>'}
    fields = Fields(page := asyncio.run(options.form(spawner)))
    assert fields.marked == ["gpu", "unlisted-choice"]
    assert 'value="&#34;&gt;&lt;i&gt;"' in page
    spawner.user_options = {"profile": "gone", "card": "second"}
    assert Fields(asyncio.run(options.form(spawner))).marked == ["small", "first"]


def test_the_form_asks_for_a_host_too_where_the_user_chooses_one() -> None:
    fields = Fields(asyncio.run(options.form(made(host_policy="user-choice"))))
    assert {"profile", "host"} <= fields.names


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"profile": ["small"]}, {"profile": "small"}),
        ({"profile": ["gpu"], "profile-option-gpu--card": ["second"]},
         {"profile": "gpu", "card": "second"}),
        # a form without scripts sends all of its fields
        ({"profile": ["gpu"], "profile-option-gpu--card": ["second"],
          "profile-option-gpu--card--unlisted-choice": ["7"], "profile-option-small--x": ["1"]},
         {"profile": "gpu", "card": "second"}),
        ({"profile": ["gpu"], "profile-option-gpu--card": ["unlisted-choice"],
          "profile-option-gpu--card--unlisted-choice": ["7"]},
         {"profile": "gpu", "card": "unlisted-choice", "card--unlisted-choice": "7"}),
        # KubeSpawner's own form takes the name from the list of choices
        ({"profile": ["gpu"], "profile-option-gpu--card--unlisted-choice": ["7"]},
         {"profile": "gpu", "card--unlisted-choice": "7"}),
        ({"host": ["cpu1"], "profile": [""]}, {"host": "cpu1"}),
        ({}, {}),
    ],
)  # fmt: skip
def test_fields_become_options(fields: dict[str, list[str]], expected: dict[str, str]) -> None:
    assert options.from_form(fields) == expected


def environment(spawner: Any, host: Any) -> dict[str, str]:
    """As ``launching.start_request`` puts it together, of the names that are used here."""
    env = {**spawner.environment, **host.environment}
    return {name: env[name] for name in sorted(env)}


def test_settings_then_host_then_profile_then_choice() -> None:
    """Each goes over those before it; an environment is merged."""
    spawner = made()
    (host,) = applied(spawner, {"profile": "gpu"}).values()
    assert host.name == "gpu1"
    assert environment(spawner, host) == {"BASE": "1", "CARD": "0", "KIND": "gpu", "SITE": "gpu"}
    assert host.prologue == "of the host"
    (host,) = applied(spawner, {"profile": "gpu", "card": "second"}).values()
    assert environment(spawner, host)["CARD"] == "1"
    (host,) = applied(spawner, {"profile": "gpu", "card--unlisted-choice": "0,2"}).values()
    assert environment(spawner, host)["CARD"] == "0,2"
    assert (host.prologue, spawner.prologue) == ("", "use 0,2")


@pytest.mark.report("jupyterhub/kubespawner#546")
def test_nothing_stays_for_the_next_start() -> None:
    """KubeSpawner leaves what a profile set on its Spawner object, which JupyterHub may use again
    for a start with another profile (kubespawner#546, #691)."""
    spawner = made()
    before = {name: getattr(spawner, name) for name in overrides.ALLOWED}
    applied(spawner, {"profile": "gpu", "card--unlisted-choice": "3"})
    assert set(applied(spawner, {})) == {"cpu1", "cpu2"}
    assert environment(spawner, SimpleNamespace(environment={})) == {"BASE": "1", "CARD": "base"}
    assert spawner.prologue == ""
    overrides.undo(spawner)
    assert {name: getattr(spawner, name) for name in overrides.ALLOWED} == before
    assert HOSTS[2]["environment"] == {"SITE": "gpu", "CARD": "none"}


@pytest.mark.parametrize(
    ("user_options", "said"),
    [
        ({"profile": "large"}, "choose one of: small, gpu"),
        ({"profile": ["gpu"]}, "choose one of: small, gpu"),
        ({"profile": "small", "card": "first"}, "no such option; it has none"),
        ({"profile": "gpu", "color": "red"}, "no such option; it has: card"),
        ({"profile": "gpu", "host": "cpu1"}, "no such option"),
        ({"card": "first"}, "the profile small has no such option"),
        ({"profile": "gpu", "card": "third"}, "card: there is no such choice"),
        ({"profile": "gpu", "card": {"a": 1}}, "card: there is no such choice"),
        ({"profile": "gpu", "card": "unlisted-choice"}, "what is to be used"),
        ({"profile": "gpu", "card": "first", "card--unlisted-choice": "1"}, "not both"),
        ({"profile": "gpu", "card--unlisted-choice": "1; true"}, "numbers with commas"),
        ({"profile": "gpu", "card--unlisted-choice": "1\n"}, "printable"),
        ({"profile": "gpu", "card--unlisted-choice": 1}, "must be text"),
        ({"profile": "gpu", "card--unlisted-choice": "1," * 1000 + "1"}, "at most 1024"),
        (["profile"], "user_options must be an object"),
    ],
)
def test_what_is_not_offered_is_refused_in_words(user_options: Any, said: str) -> None:
    spawner = made()
    assert said in refused(spawner, user_options)
    assert spawner.environment == {"BASE": "1", "CARD": "base"}


def test_a_text_is_refused_where_none_is_offered() -> None:
    option = {"choices": {"a": {}}, "unlisted_choice": {"enabled": False}}
    spawner = made(profile_list=[{"display_name": "P", "profile_options": {"o": option}}])
    assert "choose one of the list" in refused(spawner, {"o--unlisted-choice": "x"})
    applied(spawner, {"o": "a"})


hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20)
    | st.sampled_from(["gpu", "small", "first", "unlisted-choice", "0,1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)  # fmt: skip


OFFERED = profiles.parse_profiles(PROFILES)


@settings(max_examples=500)
@given(
    st.dictionaries(
        st.sampled_from(["profile", "card", "card--unlisted-choice", "host", "x"]), hostile
    )
)
def test_hostile_options_are_refused_or_exact(user_options: Any) -> None:
    """A value is one of the list, or a text that the list allows, or it ends in 400."""
    try:
        found = profiles.choose(OFFERED, user_options)
    except OptionsRefused:
        return
    cards = {one.traits.get("environment", {}).get("CARD") for one in found} - {None}
    own = user_options.get("card--unlisted-choice")
    assert cards <= {"0", "1"} | ({own} if own else set())


def test_a_text_in_the_prologue_is_one_word() -> None:
    """The shell gets it as it is, whatever the administrator's regular expression lets through."""
    override = overrides.checked_override({"prologue": "load {value}", "args": ["{value}"]}, "x")
    filled = override.with_value("a b; $(true)").traits
    assert filled["prologue"] == "load 'a b; $(true)'"
    assert filled["args"] == ["a b; $(true)"]


def test_a_text_may_be_a_number() -> None:
    unlisted = {"enabled": True, "spawner_override": {"start_timeout": "{value}"}}
    options_ = {"wait": {"unlisted_choice": unlisted}}
    spawner = made(profile_list=[{"display_name": "P", "profile_options": options_}])
    applied(spawner, {"wait--unlisted-choice": "77"})
    assert spawner.start_timeout == 77
    assert "'soon' cannot be used: start_timeout must be an int" in refused(
        spawner, {"wait--unlisted-choice": "soon"}
    )
    assert "must be given" in refused(spawner, {})


def test_lists_and_values_may_be_callables() -> None:
    async def mine(spawner: Any) -> Any:
        async def notebooks(spawner: Any) -> str:
            return f"/data/{spawner.user.name}"

        return [{"display_name": "Mine", "spawner_override": {"notebook_dir": notebooks}}]

    spawner = made(profile_list=mine)
    applied(spawner, {"profile": "mine"})
    assert spawner.notebook_dir == "/data/bob"
    nobody = made(profile_list=lambda spawner: [])
    assert asyncio.run(options.form(nobody)) == ""
    # as JupyterHub keeps it of the last start, when there is no form any more to choose with
    assert set(applied(nobody, {"profile": "mine"})) == {"cpu1", "cpu2", "gpu1"}


def test_a_callable_of_hosts_is_asked_by_the_start_alone() -> None:
    """It may be slow: the start tells the user what it waits for."""
    asked: list[object] = []

    def hosts(spawner: Any) -> list[Any]:
        asked.append(spawner)
        return ["cpu1", "cpu3"]

    spawner = made(hosts=hosts)

    async def story() -> None:
        await options.apply(spawner, {"profile": "small"})
        assert not asked
        assert set(await resolve.allowed_hosts(spawner)) == {"cpu1"}
        await options.apply(spawner, {"profile": "gpu"})
        with pytest.raises(OptionsRefused, match="you may use no host of this profile"):
            await resolve.allowed_hosts(spawner)

    asyncio.run(story())
    assert len(asked) == 2


def test_all_hosts_are_there_again_after_the_start() -> None:
    """Which may fail: what looks for forgotten servers asks every host."""
    spawner = made()
    applied(spawner, {"profile": "gpu"})

    async def fail() -> tuple[str, int]:
        assert set(await resolve.allowed_hosts(spawner)) == {"gpu1"}
        raise Unreachable("gpu1 cannot be reached")

    spawner._start = fail
    with pytest.raises(web.HTTPError):
        asyncio.run(spawner.start())
    assert spawner.hosts == HOSTS
    assert spawner.environment["KIND"] == "gpu"


def test_a_host_is_chosen_among_those_of_the_profile() -> None:
    spawner = made(host_policy="user-choice")
    applied(spawner, {"profile": "small", "host": "cpu2"})
    assert "choose one of: gpu1" in refused(spawner, {"profile": "gpu", "host": "cpu2"})


def _one(**more: Any) -> list[dict[str, Any]]:
    return [{"display_name": "P", **more}]


def _option(**more: Any) -> list[dict[str, Any]]:
    return _one(profile_options={"o": {"choices": {"a": {}}, **more}})


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("x", r"must be, or return, a list"),
        (["x"], r"\[0\] must be a dict"),
        ([{}], r"\[0\]: display_name is missing"),
        ([{"display_name": "?"}], r"no slug can be made of '\?'"),
        (_one() + _one(), r"two profiles have slug 'p'"),
        (_one(kubespawner_override={}), r"kubespawner_override is spawner_override here"),
        (_one(spawner_override={"ip": "::"}), r"\(p\): spawner_override: a profile cannot set ip"),
        (_one(spawner_override={"known_hosts": "/x"}), r"cannot set known_hosts, only args, cmd,"),
        (_one(spawner_override={"port": "x"}), r"port must be an int, which this str is not"),
        (_one(spawner_override={"environment": ["x"]}), r"environment must be a dict, not a list"),
        (_one(spawner_override={"hosts": ["cpu1", "cpu9"]}), r"SSHSpawner.hosts has no cpu9"),
        (_one(spawner_override={"hosts": []}), r"hosts names none"),
        (_one(spawner_override={"hosts": [{"name": "evil"}]}), r"hosts must be a name"),
        (_one(spawner_override={"cmd": lambda spawner: 1 / 0}), r"cmd failed; see the hub's log"),
        (_one(default="yes"), r"default must be True or False"),
        (_one(profile_options={"host": {}}), r"is not called profile, host"),
        (_one(profile_options={"o": {}}), r"profile_options: o: there is nothing to choose"),
        (_option(choices={"unlisted-choice": {}}), r"unlisted-choice is taken"),
        (_option(choices=["a"]), r"profile_options: o: choices must be a dict"),
        (_option(unlisted_choice={"validation_regex": "("}), r"validation_regex: missing \)"),
        (lambda spawner: 1 / 0, r"SSHSpawner.profile_list failed; see the hub's log"),
    ],
)
def test_a_wrong_list_is_named_and_is_no_fault_of_the_users(entries: Any, said: str) -> None:
    """Never a 400: JupyterHub would tell the user of "Invalid user options"."""
    spawner = made(profile_list=entries) if callable(entries) else made()
    if not callable(entries):
        spawner._trait_values["profile_list"] = entries  # also what no list is
    status, words = failed(spawner, {})
    assert status in (500, 424)  # before JupyterHub 6 such a failure must be below 500
    assert re.search(said, words)


def test_every_trait_of_a_profile_is_of_a_start_alone() -> None:
    """What polls and stops reads these; a hub that was restarted knows no profile."""
    late = {"run_dir", "remote_python", "poll_timeout", "ip", "ssh_client_keys", "stop_timeout"}
    assert not late & set(overrides.ALLOWED)
    assert set(overrides.ALLOWED) <= set(SSHSpawner.class_trait_names(config=True))
    assert Misconfigured("x").status == 500


def test_limits_of_a_profile_are_checked_as_all_are() -> None:
    spawner = made(profile_list=_one(spawner_override={"mem_limit": "2G"}))
    applied(spawner, {})
    with pytest.raises(Misconfigured, match="limit_backend"):
        launching.check_settings(spawner)
