"""Asks all questions of one case: side by side those that do not disturb each other.

A server starts, and its user signs in, beside the questions that concern the hub alone. Those to
the server and to the network follow together. The last activity comes after them, because they are
activity, and then the user's own requests one by one, which may change anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field

from hublab.errors import HublabError, in_words
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import PROBES, Seen, Visit, failed, requested

LONGEST = 100.0
"""Seconds for one answer: more than a spawn takes that the hub gives up."""
BESIDE_THE_START = ("sign-in", "hub-origin")
"""Probes that concern neither the server nor the routes."""
LAST = ("activity",)
NO_SERVER = Seen("no server", False)


@dataclass(slots=True)
class Answers:
    """What was seen in a case, and the seconds that each answer took."""

    cells: dict[str, Seen] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    silent: int = 0
    """How many questions had no answer within the limit."""

    @property
    def all_silent(self) -> bool:
        """Whether nothing answered at all."""
        return self.silent > 0 and self.silent == len(self.seconds)

    async def ask(self, name: str, question: Awaitable[Seen]) -> None:
        """Keep the answer to a question, or why there is none."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(LONGEST):
                seen = await question
        except HublabError as error:
            seen = failed(error)
        except TimeoutError:
            self.silent += 1
            seen = Seen(f"no answer in {LONGEST:.0f} s", False)
        except OSError as error:
            seen = Seen(in_words(error), False)
        self.cells[name] = seen
        self.seconds[name] = round(time.monotonic() - begun, 2)


async def ask_all(plan: MatrixPlan, visit: Visit) -> Answers:
    """Ask every probe and request of a plan in the case that the lab is in."""
    found = Answers()
    try:
        await ask_into(found, plan, visit)
    finally:
        await visit.close()
    return found


async def ask_into(found: Answers, plan: MatrixPlan, visit: Visit) -> None:
    """The same, answer by answer."""
    with contextlib.suppress(HublabError):  # each question says so itself
        await visit.live.hub()  # once, and not by several questions at a time
    needs_server = any(PROBES[name].needs_server for name in plan.probes)
    if any(PROBES[name].needs_visitor for name in plan.probes):
        visit.begin_sign_in()

    async def start_server() -> None:
        if "spawn" in plan.probes:
            await found.ask("spawn", PROBES["spawn"].ask(visit))
        elif needs_server:
            with contextlib.suppress(HublabError, TimeoutError):
                async with asyncio.timeout(LONGEST):
                    await visit.server()

    async def probe(name: str) -> None:
        if PROBES[name].needs_server and visit.broken:
            found.cells[name] = NO_SERVER
        else:
            await found.ask(name, PROBES[name].ask(visit))

    rest = [name for name in plan.probes if name not in ("spawn", *BESIDE_THE_START, *LAST)]
    beside = [probe(name) for name in plan.probes if name in BESIDE_THE_START]
    await asyncio.gather(start_server(), *beside)
    await asyncio.gather(*(probe(name) for name in rest))
    for name in plan.probes:
        if name in LAST:
            await probe(name)
    for line in plan.requests:
        await found.ask(str(line), requested(visit, line))
