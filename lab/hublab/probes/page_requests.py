"""A page asks another host, by fetch or WebSocket: what it learns, and what really happened."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from playwright.async_api import BrowserContext, Page

from hublab.errors import Undecided
from hublab.probes.browser_traffic import Exchange, Traffic
from hublab.probes.observation import observing
from hublab.running.live import LiveLab

FETCH = """async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    return {status: answer.status, text: await answer.text()};
  } catch (error) {
    return {error: String(error)};
  }
}"""
WEBSOCKET = """url => new Promise(resolve => {
  const socket = new WebSocket(url);
  socket.onopen = () => { resolve({open: true}); socket.close(); };
  socket.onclose = event => resolve({open: false, code: event.code});
})"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a page."""

    read: int | None
    """The status that the page got to know; None: it got "Failed to fetch" and nothing else."""
    text: str
    preflight: int | None
    """The answer to the OPTIONS request before it; None: there was none."""
    answered: int | None
    """The answer to the request itself; None: Chromium never sent it."""
    blocked: str | None
    """Why the page got nothing, in Chromium's word."""
    exchange: Exchange | None
    """The request itself as it was sent."""

    @property
    def cookies(self) -> frozenset[str]:
        """Names of the cookies that went along."""
        return self.exchange.cookies if self.exchange else frozenset()


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One WebSocket of a page."""

    open: bool
    status: int | None
    """The answer to the handshake."""
    fetch_mode: str | None
    """The header Sec-Fetch-Mode that Chromium sent."""


class AskingPage:
    """A page that is open somewhere and asks other hosts. Use `page_at`."""

    def __init__(self, live: LiveLab, page: Page, traffic: Traffic) -> None:
        self._live = live
        self.page = page
        self.traffic = traffic

    async def fetch(
        self,
        url: str,
        method: str = "GET",
        *,
        token: str | None = None,
        json_body: Any = None,
        headers: Mapping[str, str] | None = None,
        credentials: str = "omit",
    ) -> Asked:
        """`fetch` as a script of this page calls it; without credentials no cookies go along."""
        own = dict(headers or {})
        options: dict[str, Any] = {"method": method, "credentials": credentials, "headers": own}
        options["cache"] = "no-store"
        if token is not None:
            own["Authorization"] = f"token {token}"
        if json_body is not None:
            own["Content-Type"] = "application/json"
            options["body"] = json.dumps(json_body)
        asked = {"page": self.page.url, "method": method, "url": url, "credentials": credentials}
        secrets = {token} if token is not None else set()
        with observing(self._live, "page_fetch", asked, secrets=lambda: secrets) as saw:
            found = await self._fetch(url, options)
            saw(without_content(found))
            return found

    async def _fetch(self, url: str, options: Mapping[str, Any]) -> Asked:
        self.traffic.forget()
        learned = await self.page.evaluate(FETCH, [url, options])
        seen = await self.traffic.exchanges(url)
        preflight = next((one for one in seen if one.is_preflight), None)
        real = next((one for one in seen if not one.is_preflight), None)
        return Asked(
            read=learned.get("status"),
            text=learned.get("text", learned.get("error", "")),
            preflight=preflight.status if preflight else None,
            answered=real.status if real else None,
            blocked=real.blocked if real else None,
            exchange=real,
        )

    async def websocket(self, url: str) -> Upgrade:
        """Open a WebSocket as a script of this page does, and close it again."""
        with observing(self._live, "page_websocket", {"page": self.page.url, "url": url}) as saw:
            found = await self._websocket(url)
            saw(found)
            return found

    async def _websocket(self, url: str) -> Upgrade:
        self.traffic.forget()
        learned = await self.page.evaluate(WEBSOCKET, url)
        seen = [one for one in await self.traffic.exchanges() if one.kind == "WebSocket"]
        if not seen:
            raise Undecided(f"Chromium reports nothing of the WebSocket: {learned}", where=url)
        return Upgrade(learned["open"], seen[0].status, seen[0].sent.get("sec-fetch-mode"))


def without_content(asked: Asked) -> dict[str, object]:
    """What of a page's request can be written down: neither bodies nor the values of cookies."""
    seen = {"read": asked.read, "preflight": asked.preflight, "answered": asked.answered}
    return {**seen, "blocked": asked.blocked, "cookies": asked.cookies}


@contextlib.asynccontextmanager
async def page_at(live: LiveLab, context: BrowserContext, url: str) -> AsyncIterator[AskingPage]:
    """A new tab with a page, from which others are then asked."""
    page = await context.new_page()
    traffic = await Traffic.of(page)
    try:
        await page.goto(url)
        await traffic.exchanges()
        yield AskingPage(live, page, traffic)
    finally:
        await page.close()
