"""Which host a server goes to, and what a user may ask for (issue 4, "Placement", row 10)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_sshspawner.choice.hosts import parse_hosts
from jupyterhub_sshspawner.choice.placement import Board, candidates, chosen_host
from jupyterhub_sshspawner.errors import HostRefused, Misconfigured, NoCapacity

HOSTS = parse_hosts(["a", "b", {"name": "c", "max_servers": 1}])
hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text()
    | st.sampled_from(["-v", "a; true", "a\nb", "$HOME", "../a", "A", "a "]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


def names(policy: str, board: Board, who: str = "me", **more: Any) -> list[str]:
    return [host.name for host in candidates(HOSTS, policy, board, who, **more)]


def test_round_robin_takes_turns() -> None:
    board = Board()
    assert Counter(names("round-robin", board)[0] for _ in range(9)) == {"a": 3, "b": 3, "c": 3}


def test_least_loaded_counts_others_only() -> None:
    board = Board()
    board.sit("x", "a")
    board.sit("y", "b")
    board.sit("me", "c")
    assert names("least-loaded", board)[0] == "c"
    board.leave("x")
    board.sit("z", "c")
    assert names("least-loaded", board) == ["a", "b"]  # c has room for one


def test_first_fills_in_order() -> None:
    board = Board()
    board.sit("x", "a")
    assert names("first", board, limit=1) == ["b", "c"]


def test_a_host_that_did_not_answer_goes_last_for_a_while() -> None:
    now = [0.0]
    board = Board(clock=lambda: now[0])
    board.cool("a", 30)
    assert names("first", board) == ["b", "c", "a"]
    now[0] = 31
    assert names("first", board) == ["a", "b", "c"]


def test_full_everywhere_is_an_error_of_its_own() -> None:
    board = Board()
    for who, host in (("x", "a"), ("y", "b"), ("z", "c")):
        board.sit(who, host)
    with pytest.raises(NoCapacity):
        names("random", board, limit=1)


def test_a_chosen_host_is_the_only_one_and_may_be_full() -> None:
    board = Board()
    assert names("user-choice", board, chosen="c") == ["c"]
    board.sit("x", "c")
    with pytest.raises(NoCapacity):
        names("user-choice", board, chosen="c")


@pytest.mark.parametrize("options", [{}, {"host": None}, {"host": ""}, {"other": 1}])
def test_no_choice_is_fine(options: Any) -> None:
    """Spawner.apply_user_options: "An empty dict should always be supported"."""
    assert chosen_host(options, HOSTS) is None


def test_a_refusal_is_a_400() -> None:
    assert HostRefused("x").status == 400


def test_a_form_sends_lists() -> None:
    assert chosen_host({"host": ["b"]}, HOSTS) == "b"


@settings(max_examples=2000)
@given(hostile)
def test_hostile_choices_are_refused_or_exact(value: Any) -> None:
    """A value either is the name of an allowed host or ends in 400; it goes nowhere else."""
    try:
        found = chosen_host({"host": value}, HOSTS)
    except HostRefused:
        return
    assert found in HOSTS or (found is None and value in (None, "", [None], [""]))


@settings(max_examples=500)
@given(hostile.filter(lambda value: not isinstance(value, dict)))
def test_hostile_options_are_refused(value: Any) -> None:
    with pytest.raises(HostRefused):
        chosen_host(value, HOSTS)


@pytest.mark.parametrize(
    "entries",
    [[], [""], [{}], [{"name": "a", "prot": 22}], ["a", "a"], [3], [{"name": "a", "port": "22"}],
     [{"name": "a", "port": 0}], [{"name": "a", "max_servers": True}], [{"name": ["a"]}]],
)  # fmt: skip
@pytest.mark.report("NERSC/sshspawner#23")
def test_wrong_entries_are_named(entries: Any) -> None:
    """sshspawner#23: the documentation said remote_host, the code wanted remote_hosts."""
    with pytest.raises(Misconfigured, match="hosts"):
        parse_hosts(entries)
