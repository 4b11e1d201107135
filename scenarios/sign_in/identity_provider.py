"""A browser on its way through an identity provider, one request at a time, and what that heard.

The overlay identity-provider.yaml adds the provider; compose/images/identity-provider/provider.js
says what is in the files that are changed here.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin

from yarl import URL

from hublab.scenario import (
    ETC,
    NAVIGATE,
    Answer,
    Ask,
    Credentials,
    File,
    LiveLab,
    ask,
    fresh_browser,
    look,
    until,
)

from .at_work import Alice, with_tokens
from .forms import FORM
from .oauth_steps import PAGE, visit

PROVIDER = "provider"
PROVIDER_UID = 990
HOME, LINK, CALLBACK = "/hub/home", "/hub/oauth_login", "/hub/oauth_callback"
STATE_COOKIE = "oauthenticator-state"
LOGGED, MARK = "REQUEST ", "/mark/"
QUESTION = re.compile(r'action="([^"]+)".*?name="xsrf" value="([^"]+)"', re.DOTALL)
"""The provider's question whether to log out."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A request that the provider has answered."""

    host: str
    """The lab's host that sent it."""
    request: str
    """Method and path; the path of a form or a resumed sign-in is without its number."""
    status: int
    seconds: float


def address(lab: LiveLab) -> URL:
    """The provider as browsers are sent to it, unless a setting says otherwise."""
    return URL.build(scheme="http", host=str(lab.host(PROVIDER).address), port=9000)


async def heard(lab: LiveLab) -> list[Heard]:
    """All requests that the provider has answered, in order; it must run.

    The engine has a line of log a moment after the answer, so a request of our own is sent, and its
    line waited for: earlier ones are before it.
    """
    mark = f"{MARK}{secrets.token_hex(8)}"
    await look(lab, address(lab) / mark[1:])

    async def marked() -> str:
        text = await lab.logs(PROVIDER)
        return text if mark in text else ""

    lines = (await until(marked, what="the provider's log")).splitlines()
    names = {str(host.address): name for name, host in lab.hosts.items()}
    found = [
        json.loads(line.partition(LOGGED)[2])
        for line in lines
        if LOGGED in line and MARK not in line
    ]
    return [
        Heard(
            names.get(one["from"], one["from"]),
            f"{one['method']} {one['path']}",
            int(one["status"]),
            float(one["seconds"]),
        )
        for one in found
    ]


async def asked_by_hub(lab: LiveLab) -> list[tuple[str, int]]:
    """What the hub has asked the provider for, and the answers."""
    return [(one.request, one.status) for one in await heard(lab) if one.host == "hub"]


async def go_on(lab: LiveLab, who: Credentials, answer: Answer) -> Answer:
    """Go where an answer leads, one step."""
    there = URL(urljoin(answer.url, answer.header("Location") or ""), encoded=True)
    wanted = Ask(there.raw_path_qs, headers=tuple(NAVIGATE.items()))
    return await ask(lab, wanted, who, at=there.origin())


async def begin(lab: LiveLab, who: Credentials, at: URL | None = None) -> Answer:
    """Follow the link of the hub's page, or of another hub's; the answer leads to the provider."""
    target = f"{LINK}?{urlencode({'next': HOME})}"
    return await ask(lab, Ask(target, headers=tuple(NAVIGATE.items())), who, at=at)


async def until_form(lab: LiveLab, who: Credentials, begun: Answer | None = None) -> Answer:
    """From the hub's link to the provider's form, or to what stands in its place: an error, or the
    way to the callback for somebody whom the provider knows.
    """
    answer = await go_on(lab, who, begun or await begin(lab, who))
    if is_way_back(answer) or not answer.header("Location"):
        return answer
    return await go_on(lab, who, answer)


def is_way_back(answer: Answer) -> bool:
    """Whether an answer of the provider leads to the hub's callback."""
    return URL(answer.header("Location") or "").path == CALLBACK


async def send_form(
    lab: LiveLab, who: Credentials, form: Answer, user: str = "alice", **fields: str
) -> Answer:
    """Fill in the provider's form with a user's password, or with these fields in its place."""
    password = await lab.secret("password")
    body = urlencode(fields or {"username": user, "password": password}).encode()
    url = URL(form.url, encoded=True)
    headers = (*NAVIGATE.items(), FORM)
    return await ask(lab, Ask(url.raw_path_qs, "POST", headers, body), who, at=url.origin())


async def until_callback(
    lab: LiveLab, who: Credentials, form: Answer, user: str = "alice", **fields: str
) -> Answer:
    """Fill in the form and go on; the answer leads to the hub's callback."""
    return await go_on(lab, who, await send_form(lab, who, form, user, **fields))


async def sign_in(
    lab: LiveLab, who: Credentials, user: str = "alice", at: URL | None = None
) -> Answer:
    """The whole way, with the form or without it; the answer is the hub's, at its callback."""
    back = await until_form(lab, who, await begin(lab, who, at))
    if not is_way_back(back):
        back = await until_callback(lab, who, back, user)
    return await go_on(lab, who, back)


async def with_server(lab: LiveLab) -> Alice:
    """She signs in at the provider, her server runs and knows her browser and one of her tokens."""
    browser = fresh_browser(lab)
    assert (await sign_in(lab, browser)).status == 302
    await lab.spawn("alice", on="node1")
    assert (await visit(lab, browser, PAGE)).status == 200
    return await with_tokens(lab, browser)


async def status_of(lab: LiveLab, who: Credentials, at: URL | None = None) -> int:
    """What the first page of the hub, or of another one, is answered with, wherever it leads."""
    return (await ask(lab, Ask(HOME, headers=tuple(NAVIGATE.items())), who, at=at)).status


async def provider_knows(lab: LiveLab, who: Credentials, at: URL | None = None) -> bool:
    """Whether a hub's link leads back without the provider's form."""
    answer = await until_form(lab, who, await begin(lab, who, at))
    assert is_way_back(answer) or b'name="password"' in answer.body
    return is_way_back(answer)


async def end_session(lab: LiveLab, who: Credentials, page: Answer) -> int:
    """Say yes to the provider's question whether to log out there as well."""
    found = QUESTION.search(page.body.decode())
    assert found, page.body
    body = urlencode({"xsrf": found[2], "logout": "yes"}).encode()
    there = URL(found[1])
    headers = (*NAVIGATE.items(), FORM)
    return (await ask(lab, Ask(there.path, "POST", headers, body), who, at=there.origin())).status


@asynccontextmanager
async def provider_options(lab: LiveLab, **options: object) -> AsyncIterator[None]:
    """Have the provider run with other options for a block; it forgets all sessions twice."""
    await put_options(lab, options)
    try:
        yield
    finally:
        await put_options(lab, {})


async def put_options(lab: LiveLab, options: dict[str, object]) -> None:
    file = File("options.json", json.dumps(options).encode(), uid=PROVIDER_UID)
    await lab.put_files(PROVIDER, ETC, [file])
    await lab.programs.restart(PROVIDER)
    await lab.programs.until_ready(PROVIDER)
