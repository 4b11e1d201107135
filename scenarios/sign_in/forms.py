"""The hub's forms: the sign-in, by a browser that nobody has used yet, and a server's start."""

from __future__ import annotations

from urllib.parse import urlencode

from hublab.scenario import Answer, Ask, Credentials, LiveLab, ask, fresh_browser

FORM = ("Content-Type", "application/x-www-form-urlencoded")


async def at_the_form(lab: LiveLab, **fields: str) -> Answer:
    """Open the form and send it with these fields; 302 is a sign-in, 403 a refusal."""
    who = fresh_browser(lab)
    await ask(lab, Ask("/hub/login"), who)
    xsrf = who.xsrf_header(lab.origin / "hub/login")["X-XSRFToken"]
    body = urlencode({**fields, "_xsrf": xsrf}).encode()
    return await ask(lab, Ask("/hub/login", "POST", (FORM,), body), who)


async def start_by_form(lab: LiveLab, browser: Credentials) -> int:
    """The page's button that starts a server: 302 to the wait, or a page that says why not."""
    body = urlencode({"_xsrf": browser.xsrf_header(lab.origin / "hub/")["X-XSRFToken"]})
    return (await ask(lab, Ask("/hub/spawn", "POST", (FORM,), body.encode()), browser)).status
