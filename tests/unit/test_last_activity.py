"""What is believed of a server's last activity; a clock that is hardly wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest

from hublab.errors import UsageError
from hublab.faults.clock import Clock
from hublab.probes.last_activity import Beliefs, instant
from hublab.running.lab import Lab

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ONE = datetime(2026, 11, 21, 13, tzinfo=UTC)


def test_times_without_a_zone_are_utc() -> None:
    """The hub's database has none, the proxy and the servers write Z."""
    assert instant("2026-11-21T12:00:00") == instant("2026-11-21T12:00:00.000Z") == NOON
    assert instant(None) is None


def test_who_moved() -> None:
    """Later than before, or a first time; neither going back nor losing it is a move."""
    before = Beliefs(server=NOON, proxy=None, hub_user=ONE, hub_server=NOON)
    after = Beliefs(server=ONE, proxy=NOON, hub_user=NOON, hub_server=None)
    assert after.moved_since(before) == {"server", "proxy"}
    assert after.moved_since(after) == frozenset()


@pytest.mark.parametrize("ahead", [0.0, 59.0, -60.0])
def test_a_clock_must_be_wrong_enough_to_be_proved(ahead: float) -> None:
    """A reading that is late on a busy machine must not look like the fault."""
    with pytest.raises(UsageError, match="cannot be distinguished from a slow machine"):
        Clock(cast(Lab, None), "hub", ahead)
