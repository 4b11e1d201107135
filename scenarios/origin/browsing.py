"""What the scenarios with a browser begin with: somebody signed in, a token, pages elsewhere."""

from __future__ import annotations

from playwright.async_api import BrowserContext

from hublab.scenario import HUB_SITE, LiveLab, open_server, sign_in_on_page

USER = "alice"
NODE = "node1"
TOKEN_SECONDS = 600


def api(server: str = "", origin: str = HUB_SITE) -> str:
    """Where the API of the user's server stands, as the browser names it."""
    return f"{origin}/user/{USER}/{server + '/' if server else ''}api"


async def token_of(lab: LiveLab) -> str:
    """A token that may do what the user may."""
    model = await (await lab.hub()).make_token(USER, TOKEN_SECONDS)
    token = str(model["token"])
    lab.hide(token)
    return token


async def signed_in(lab: LiveLab, context: BrowserContext, origin: str = HUB_SITE) -> None:
    """The user signs in at the hub in a tab of their own; no server is started by that."""
    page = await context.new_page()
    await sign_in_on_page(page, lab, origin, USER, then="/hub/home")
    await page.close()


async def at_own_server(lab: LiveLab, context: BrowserContext, origin: str = HUB_SITE) -> None:
    """Start the server of this case, sign in, and visit it: hub and server gave their cookies."""
    await lab.spawn(USER, lab.own_server, on=NODE)
    await signed_in(lab, context, origin)
    await open_server(context, origin, USER, lab.own_server)
