"""What was lost by the end of a program or host; programs in a few words."""

from __future__ import annotations

import pytest

from hublab.running.losses import Losses, Standing, losses
from hublab.running.program_states import duration
from hublab.running.servers import Server


def server(user: str, *, ready: bool = True) -> Server:
    return Server(user, "", "node1", "198.18.0.31", 4242, 51, ready)


BEFORE = Standing(
    frozenset({"/", "/user/alice"}),
    (server("alice"), server("bob", ready=False)),
    frozenset({"alice"}),
    frozenset({"node1"}),
)


def test_a_restarted_proxy() -> None:
    """Its table is empty (jupyterhub#2000), and the hint works as typed."""
    after = Standing(frozenset(), BEFORE.servers, frozenset({"alice"}))
    lost = losses(BEFORE, after, "proxy", hub=False, container=False)
    assert lost == Losses(("/", "/user/alice"), (), (), network=False)
    assert list(lost.in_words(" --name x")) == [
        "lost 2 of the proxy's routes: /, /user/alice",
        "  `hublab routes --check --name x` has the hub add them again",
    ]


def test_a_route_that_the_hub_took_out_is_not_promised_back() -> None:
    after = Standing(frozenset({"/"}), BEFORE.servers, frozenset())
    lost = losses(BEFORE, after, "node1", hub=False, container=True)
    assert list(lost.in_words()) == [
        "lost the servers alice, with their kernels",
        "lost 1 of the proxy's routes: /user/alice",
        "lost the host's network namespace, and the faults that were in it",
    ]


def test_a_hub_loses_what_was_starting() -> None:
    lost = losses(BEFORE, BEFORE, "hub", hub=True, container=False)
    assert list(lost.in_words()) == ["lost the starts under way of bob"]
    assert losses(BEFORE, BEFORE, "proxy", hub=False, container=False).starts == ()


def test_what_could_not_be_asked_is_not_called_safe() -> None:
    """A hub that is down already, or a proxy that is."""
    unknown = Standing(None, None, None)
    words = list(losses(unknown, BEFORE, "hub", hub=True, container=False).in_words())
    assert [line.partition(",")[0] for line in words[:2]] == ["servers: unknown", "routes: unknown"]


def test_nothing() -> None:
    lost = losses(BEFORE, BEFORE, "node2", hub=False, container=True)
    assert list(lost.in_words()) == ["no server and no route is known to be lost"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (99, "99 s"), (600, "10 min"), (7200, "2 h")]
)
def test_how_long_a_program_has_run(seconds: float, text: str) -> None:
    assert duration(seconds) == text
