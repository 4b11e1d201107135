"""The admin page and the token page, in a browser, on a hub whose servers are on other hosts.

Why it matters: these two pages are what administrators and users have instead of the REST API. What
a click does happens on three hosts, and one of them takes a user's name away for good.

Sources:
- JupyterHub documentation, REST API (rest-api.yml), `PATCH /users/{name}`: name and admin, "the new
  name (optional, if another key is updated i.e. admin)".
- jupyterhub 6.1.1, apihandlers/users.py, `UserAPIHandler.patch`: the name is replaced by a new one
  also where it is the old one, for which there is none; 5.4.6 and 6.0.0 set what was sent.
- share/jupyterhub/static/js/admin-react.js, EditUser: sends the name with every change.
- jupyterhub/apihandlers/base.py, `user_model`: `last_activity` of the user; the page's column of
  that name shows the default server's.
- REST API, `POST /shutdown`: `servers` and `proxy` say whether they go with the hub; without them
  `cleanup_servers` and `cleanup_proxy` do.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from hublab.scenario import (
    HUB_SITE,
    Ask,
    LiveLab,
    ask,
    credentials,
    sign_in_on_page,
    table_rows,
    until,
    user_processes,
)

SNIPPET = "hub.snippet"
ADMIN_PAGE, TOKEN_PAGE = "/hub/admin", "/hub/token"

pytestmark = pytest.mark.topology("lab", "browser")


async def page_of(lab: LiveLab, chromium: BrowserContext, user: str, path: str) -> Page:
    """A page of the hub that a user has signed in for."""
    page = await chromium.new_page()
    await sign_in_on_page(page, lab, HUB_SITE, user, then=path)
    return page


def row_of(page: Page, user: str) -> Locator:
    """A user's line on the admin page."""
    return page.get_by_test_id(f"user-row-{user}")


async def promote_on_page(page: Page, user: str) -> None:
    """Edit a user, tick "Admin", and apply it; returns when the hub has answered."""
    await row_of(page, user).get_by_text("Edit User").click()
    await page.locator("input[type=checkbox]").check()
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await page.get_by_text("Apply").click()


async def servers_of(lab: LiveLab, user: str) -> list[str]:
    """The command lines of a user's single-user servers, on whatever node."""
    lines = [one.command for one in await user_processes(lab, user) if "Z" not in one.state]
    return [line for line in lines if "singleuser" in line or "keeps a server" in line]


async def status_of(lab: LiveLab, path: str, **asked: Any) -> int:
    """How the hub answers an administrator's token."""
    async with credentials(lab, "admin", token=True) as who:
        return (await ask(lab, Ask(path, **asked), who)).status


@pytest.mark.finding(
    "Making somebody an admin on the admin page takes the user's name away",
    project="jupyterhub",
    steps="On the admin page: Edit User, tick Admin, Apply. Or PATCH /users/bob with the name bob "
    "and admin true.",
    expected="An administrator called bob: the REST API takes the name beside what is changed.",
    seen="The user's row has no name from then on. /users/bob is 404, and the list that the admin "
    "page asks for is 500 for every administrator, also after a restart.",
)
@pytest.mark.sabotage(SNIPPET, "../changes/keeps_names.py")
async def test_a_user_who_is_made_admin_loses_the_name(
    lab: LiveLab, chromium: BrowserContext
) -> None:
    """The page makes an admin whom nobody finds; the API, without the name, makes a usable one."""
    hub = await lab.hub()
    for user in ("bob", "carol"):
        await hub.ensure_user(user)
    (before,) = [row for row in await table_rows(lab, "users") if row["name"] == "bob"]
    page = await page_of(lab, chromium, "admin", ADMIN_PAGE)
    await promote_on_page(page, "bob")

    (after,) = [row for row in await table_rows(lab, "users") if row["id"] == before["id"]]
    assert (after["name"], after["admin"]) == (None, 1)
    assert await status_of(lab, "/hub/api/users/bob") == 404
    assert await status_of(lab, "/hub/api/users?include_stopped_servers=1") == 500
    async with page.expect_response(lambda answer: "/hub/api/users?" in answer.url) as seen:
        await page.goto(f"{HUB_SITE}{ADMIN_PAGE}")
    assert (await seen.value).status == 500
    assert await page.locator("tr.user-row").count() == 0

    admin = {"method": "PATCH", "body": b'{"admin": true}'}
    assert await status_of(lab, "/hub/api/users/carol", **admin) == 200
    model = await hub.user("carol")
    assert model is not None
    assert model["admin"] is True


@pytest.mark.finding(
    'The admin page says "Never" of users who are active',
    project="jupyterhub",
    steps="A user signs in and looks at the hub's pages, or runs named servers; an administrator "
    "looks at Last Activity.",
    expected="When the user was active last, as the API's `last_activity` of the user says.",
    seen='The default server\'s last activity: "Never" for those who have not started one.',
)
@pytest.mark.sabotage("hub.SSHSpawner.hosts", [])
async def test_servers_are_started_and_stopped_on_the_page(
    lab: LiveLab, chromium: BrowserContext
) -> None:
    """A click starts a server on a node and stops it; who only visits the hub was never there."""
    async with credentials(lab, "alice") as who:
        await ask(lab, Ask("/hub/home"), who)
    model = await (await lab.hub()).user("alice")
    assert model is not None
    assert model["last_activity"] is not None
    page = await page_of(lab, chromium, "admin", ADMIN_PAGE)
    row = row_of(page, "alice")
    await expect(row.get_by_test_id("user-row-last-activity")).to_have_text("Never")

    await row.get_by_text("Start Server").click()
    await expect(row.get_by_text("Stop Server")).to_be_visible()
    server = await lab.server("alice")
    assert server is not None
    assert server.host in {node.service for node in lab.of_role("node")}
    await expect(row.get_by_test_id("user-row-last-activity")).not_to_have_text("Never")

    await row.get_by_text("Stop Server").click()
    await expect(row.get_by_text("Start Server")).to_be_visible()

    async def ended() -> bool:
        return not await servers_of(lab, "alice")

    await until(ended, what="the end of alice's server")


@pytest.mark.sabotage("hub.JupyterHub.token_expires_in_max_seconds", 3600)
async def test_a_token_of_the_page_is_shown_once_and_revoked_there(
    lab: LiveLab, chromium: BrowserContext
) -> None:
    """Requested without an end, good at the hub from another host, and refused once revoked."""
    page = await page_of(lab, chromium, "alice", TOKEN_PAGE)
    await page.fill("#token-note", "laptop")
    await page.get_by_text("Request new API token").click()
    shown = page.locator("#token-result")
    await expect(shown).to_be_visible()
    token = (await shown.inner_text()).strip()
    lab.hide(token)
    (row,) = [one for one in await table_rows(lab, "api_tokens") if one["note"] == "laptop"]
    assert row["expires_at"] is None

    async def answered() -> int:
        header = (("Authorization", f"token {token}"),)
        async with credentials(lab, None) as nobody:
            return (await ask(lab, Ask("/hub/api/user", headers=header), nobody)).status

    assert await answered() == 200
    await page.reload()
    assert token not in await page.content()
    line = page.locator("tr", has_text="laptop")
    async with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        await line.get_by_text("revoke").click()
    assert await answered() == 403


@pytest.mark.sabotage("hub.JupyterHub.cleanup_servers", False)
async def test_the_hub_is_shut_down_on_the_page(lab: LiveLab, chromium: BrowserContext) -> None:
    """The hub ends and takes the servers on other hosts with it; the proxy, not its own, stays."""
    owners = {"alice": "node1", "bob": "node2"}
    for user, node in owners.items():
        await lab.spawn(user, on=node)
        assert await servers_of(lab, user)
    page = await page_of(lab, chromium, "admin", ADMIN_PAGE)
    async with page.expect_response(lambda answer: "/hub/api/shutdown" in answer.url) as seen:
        await page.locator("#shutdown-button").click()
    assert (await seen.value).status == 202
    await lab.programs.until_ended("hub")
    assert not [user for user in owners if await servers_of(lab, user)]
    async with credentials(lab, None) as nobody:
        assert (await ask(lab, Ask("/_chp_healthz"), nobody)).status == 200
