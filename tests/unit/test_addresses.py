"""Free subnets: inside the range, never used ones, all of them once."""

from __future__ import annotations

import random
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hublab.addresses import ENGINE_BRIDGE, LAB_NETWORK, free_subnets, prefix

third = st.builds(lambda a, b: f"198.{a}.{b}.0/24", st.integers(18, 19), st.integers(0, 255))
used_networks = st.lists(third | st.sampled_from(["172.17.0.0/16", "fd00::/64", "10.0.0.7/8"]))


@given(used_networks, st.integers())
def test_all_free_subnets_are_offered_and_no_others(used: list[str], seed: int) -> None:
    found = list(free_subnets(used, rng=random.Random(seed)))
    in_range = {IPv4Network(u) for u in used if u.startswith("198.")} | {ENGINE_BRIDGE}
    assert len(found) == 512 - len(in_range)
    assert not in_range.intersection(found)
    assert all(one.subnet_of(LAB_NETWORK) and one.prefixlen == 24 for one in found)
    assert len(set(found)) == len(found)


def test_a_wider_network_excludes_all_subnets_in_it() -> None:
    assert all(str(one).startswith("198.19.") for one in free_subnets(["198.18.0.0/16"]))
    assert list(free_subnets(["198.18.0.0/15"])) == []


def test_two_labs_rarely_start_at_the_same_subnet() -> None:
    firsts = {next(free_subnets([], rng=random.Random(seed))) for seed in range(20)}
    assert len(firsts) > 10


def test_text_that_is_not_a_network_raises() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        next(free_subnets(["nonsense"]))


def test_a_prefix_is_the_first_three_numbers() -> None:
    assert prefix(IPv4Network("198.19.7.0/24")) == "198.19.7"
