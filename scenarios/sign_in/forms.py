"""The hub's sign-in form, filled in by a browser that nobody has used yet."""

from __future__ import annotations

from urllib.parse import urlencode

from hublab.scenario import Answer, Ask, LiveLab, ask, fresh_browser

FORM = ("Content-Type", "application/x-www-form-urlencoded")


async def at_the_form(lab: LiveLab, **fields: str) -> Answer:
    """Open the form and send it with these fields; 302 is a sign-in, 403 a refusal."""
    who = fresh_browser(lab)
    await ask(lab, Ask("/hub/login"), who)
    xsrf = who.xsrf_header(lab.origin / "hub/login")["X-XSRFToken"]
    body = urlencode({**fields, "_xsrf": xsrf}).encode()
    return await ask(lab, Ask("/hub/login", "POST", (FORM,), body), who)
