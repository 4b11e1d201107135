"""For how long something goes on answering as it did: bounds that hold on a slow machine too."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hublab.scenario import until


@dataclass(slots=True)
class Kept:
    """The first answer and the next other one, and for how long the first was given.

    What answers got its first answer between `asked` and `answered`, gave it to a request that was
    sent at `last_asked` and another one before `other_answered`. So an answer that is kept for some
    seconds lies between `at_least` and `at_most`, however long the requests themselves took.
    """

    first: int
    asked: float
    answered: float
    other: int = 0
    last_asked: float = 0.0
    other_answered: float = 0.0

    @property
    def at_least(self) -> float:
        return self.last_asked - self.answered

    @property
    def at_most(self) -> float:
        return self.other_answered - self.asked


async def first_answer(request: Callable[[], Awaitable[int]]) -> Kept:
    """Ask once, and note when."""
    begun = time.monotonic()
    status = await request()
    return Kept(status, begun, time.monotonic())


async def until_another(kept: Kept, request: Callable[[], Awaitable[int]]) -> Kept:
    """Ask again and again, until the answer is another one than the first."""

    async def changed() -> bool:
        begun = time.monotonic()
        status = await request()
        if status == kept.first:
            kept.last_asked = begun
            return False
        kept.other, kept.other_answered = status, time.monotonic()
        return True

    await until(changed, what=f"another answer than {kept.first}")
    return kept
