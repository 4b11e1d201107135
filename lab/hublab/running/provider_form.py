"""Sign-in at an identity provider, whose form a person at the client host fills in.

The hub's page has no form then, but a link to the provider (oauthenticator's `oauth_login`), which
leads back to the hub in the end. compose/images/identity-provider/provider.js has the form.
"""

from __future__ import annotations

import aiohttp
from yarl import URL

from hublab.errors import HubError, in_words

FORM = b'name="password"'
"""What a page with a form of its own contains, at the hub as at the provider."""


async def sign_in_at_provider(
    session: aiohttp.ClientSession, hub: URL, user: str, password: str, headers: dict[str, str]
) -> None:
    """Follow the link of the hub's page, fill in the form, and follow the way back.

    `hub` is the hub's own address, with its prefix. Raises HubError when the way does not end at
    the hub, or a host on it does not answer.
    """
    start = hub / "oauth_login" % {"next": f"{hub.path}home"}
    asked = start
    try:
        async with session.get(start, headers=headers) as page:
            if FORM not in await page.read():
                raise refusal(user, page)
            asked = page.url
        fields = {"username": user, "password": password}
        async with session.post(asked, data=fields, headers=headers) as answer:
            if answer.status >= 400 or answer.url.origin() != hub.origin():
                raise refusal(user, answer)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise HubError(
            f"{user} could not sign in: no answer on the way to the identity provider and back: "
            f"{in_words(error)}",
            where=str(asked.with_query(None)),
            hint="`hublab reach` says which hop is broken",
        ) from error


def refusal(user: str, answer: aiohttp.ClientResponse) -> HubError:
    """Say where a sign-in has ended; queries are left out, for they hold codes."""
    way = [str(step.url.with_query(None)) for step in (*answer.history, answer)]
    message = f"{user} could not sign in: {answer.status}"
    return HubError(message, where=" -> ".join(way), status=answer.status)
