"""Waiting for a KDC that is silent; test_silent_kdc.py has a hub that does."""

from __future__ import annotations

import asyncio
import threading

import pytest

from jupyterhub_sshspawner.errors import KdcSilent
from jupyterhub_sshspawner.ssh.kdcs import AT_ONCE, SILENT_FOR, Kdcs

HANGING, OTHER = ("ONE.TEST", ""), ("OTHER.TEST", "")


def test_what_hangs_is_bounded_remembered_and_in_nobodys_way() -> None:
    """Of those who ask at the same time none waits twice, and another realm's answer comes."""
    now, hung, released = 0.0, [], threading.Event()

    def hang() -> None:
        hung.append(threading.current_thread())
        released.wait(60)

    async def check() -> None:
        nonlocal now
        kdcs = Kdcs(lambda: now)
        asked = [kdcs.ask(HANGING, hang, 0.3) for _ in range(3 * AT_ONCE)]
        waiting = asyncio.gather(*asked, return_exceptions=True)
        await asyncio.sleep(0)
        assert await kdcs.ask(OTHER, lambda: "answer", 60) == "answer"
        assert not waiting.done()
        told = await waiting
        assert all(isinstance(error, KdcSilent) for error in told)
        assert "of ONE.TEST did not answer within 0.3 s" in str(told[0])
        assert len(hung) == AT_ONCE
        assert all(thread.daemon for thread in hung)
        with pytest.raises(KdcSilent, match="did not answer a moment ago"):
            await kdcs.ask(HANGING, hang, 60)
        now += SILENT_FOR
        with pytest.raises(KdcSilent, match="within"):  # the threads are still there
            await kdcs.ask(HANGING, hang, 0.3)
        assert len(hung) == AT_ONCE
        released.set()
        now += SILENT_FOR
        assert await kdcs.ask(HANGING, lambda: "answer", 60) == "answer"

    asyncio.run(check())


def test_what_the_work_raises_is_raised() -> None:
    async def check() -> None:
        with pytest.raises(ZeroDivisionError):
            await Kdcs().ask(HANGING, lambda: 1 // 0, 60)

    asyncio.run(check())
