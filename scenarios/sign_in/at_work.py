"""A user at work: pages of hub and server, and two tokens, to see what a refusal ends."""

from __future__ import annotations

from dataclasses import dataclass

from hublab.scenario import Ask, Credentials, LiveLab, ask

from .oauth_steps import PAGE, open_page, path_of
from .tokens import AT_HUB, AT_SERVER, Token, make_token, status_for


@dataclass(slots=True)
class Alice:
    """Alice with her server's page open, with a token, and with one that her server knows not."""

    lab: LiveLab
    browser: Credentials
    known: Token
    new: Token

    async def page(self) -> str:
        """Where the hub's page leads her, or its status."""
        answer = await ask(self.lab, Ask("/hub/home"), self.browser)
        return path_of(answer) or str(answer.status)

    async def seen(self) -> dict[str, object]:
        """What she gets of hub and server, by cookie and by token."""
        return {
            "page": await self.page(),
            "token": await status_for(self.lab, AT_HUB, self.known.text),
            "server's page": (await open_page(self.lab, self.browser, PAGE)).status,
            "server, known token": await status_for(self.lab, AT_SERVER, self.known.text),
            "server, new token": await status_for(self.lab, AT_SERVER, self.new.text),
        }


async def with_tokens(lab: LiveLab, browser: Credentials) -> Alice:
    """Two tokens beside a browser that her server knows, which gets to know one of them."""
    known, new = await make_token(lab), await make_token(lab)
    assert await status_for(lab, AT_SERVER, known.text) == 200
    return Alice(lab, browser, known, new)
