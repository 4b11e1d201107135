"""API tokens as scenarios use them: made by the hub's API, sent by header, taken back by number."""

from __future__ import annotations

from dataclasses import dataclass, field

from hublab.scenario import Ask, HubError, LiveLab, ask, fresh_browser, hub_accesses

AT_HUB = "/hub/api/user"
"""Answers each good token of a user, whatever its scopes (apihandlers/users.py)."""
NOBODYS = "0123456789abcdef0123456789abcdef"
"""As long as the hub's own tokens, and not one of them."""
AT_SERVER = "/user/alice/api/contents"
"""Answers whoever may access alice's server."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a user, and the number by which the hub's API knows it."""

    text: str = field(repr=False)
    number: str
    user: str


async def make_token(lab: LiveLab, user: str = "alice", **wanted: object) -> Token:
    """A new token with these fields of the request. Raises HubError when the hub refuses."""
    hub = await lab.hub()
    await hub.ensure_user(user)
    status, model = await hub.request("POST", f"users/{user}/tokens", json=wanted)
    if status != 201:
        message = f"the hub answered {status}: {model}"
        raise HubError(message, where=f"a token of {user}", status=status)
    lab.hide(str(model["token"]))
    return Token(str(model["token"]), str(model["id"]), user)


async def revoke(lab: LiveLab, token: Token) -> None:
    """Take a token back, as its page does."""
    await (await lab.hub()).drop_token(token.user, token.number)


async def status_for(lab: LiveLab, target: str, text: str) -> int:
    """What a request with a token in its header is answered, through the proxy."""
    headers = (("Authorization", f"token {text}"),)
    return (await ask(lab, Ask(target, headers=headers), fresh_browser(lab))).status


async def questions_of(lab: LiveLab, node: str) -> list[int]:
    """How the hub answered the servers of a node that asked it whose a token is, in order."""
    address = lab.host(node).address
    asked = [one for one in await hub_accesses(lab) if one.path == AT_HUB]
    return [one.status for one in asked if one.address == address]
