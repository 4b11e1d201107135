"""The admin page makes users, and what is typed there is kept as if it came from a sign-in.

Why it matters: a name that is made before its first sign-in is how a course gets its list of
people. The page is the only way for those who do not write scripts, and it tells of an error in its
own words.

Sources:
- JupyterHub documentation, REST API (rest-api.yml), `POST /users`: "Create multiple users", with
  `usernames` and `admin`; apihandlers/users.py, `UserListAPIHandler.post`: names that exist are
  left out, and 409 where all of them do.
- jupyterhub 6.1.1, auth.py, `normalize_username`: lower case.
- share/jupyterhub/static/js/admin-react.js, AddUser: one name a line, and "Failed to create user.".
"""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page, Response, expect

from hublab.scenario import HUB_SITE, LiveLab, sign_in_on_page, table_rows

pytestmark = pytest.mark.topology("lab", "browser")


async def add(page: Page, *names: str, admin: bool = False) -> Response:
    """Type names on the page that makes users, and send them; the hub's answer.

    When all is well the page leads back to the list, a moment later.
    """
    await page.goto(f"{HUB_SITE}/hub/admin#/add-users")
    await page.get_by_test_id("user-textarea").fill("\n".join(names))
    await page.get_by_test_id("check").set_checked(admin)
    async with page.expect_response(lambda answer: answer.request.method == "POST") as seen:
        await page.get_by_test_id("submit").click()
    return await seen.value


@pytest.mark.sabotage("hub.Authenticator.username_map", {"carol": "carla"})
async def test_users_are_made_on_the_page(lab: LiveLab, chromium: BrowserContext) -> None:
    """Two at once, in lower case, who are there afterwards and no administrators; a third one, if
    that is ticked. The same names again are refused, and the page says so.
    """
    page = await chromium.new_page()
    await sign_in_on_page(page, lab, HUB_SITE, "admin", then="/hub/admin")
    assert (await add(page, "bob", "Carol")).status == 201
    await expect(page.get_by_test_id("user-row-carol")).to_be_visible()
    assert (await add(page, "dave", admin=True)).status == 201
    await expect(page.get_by_test_id("user-row-dave")).to_be_visible()
    rows = {row["name"]: bool(row["admin"]) for row in await table_rows(lab, "users")}
    assert rows == {"admin": True, "bob": False, "carol": False, "dave": True}
    assert (await add(page, "bob", "carol")).status == 409
    await expect(page.get_by_text("User already exists.")).to_be_visible()
    assert len(await table_rows(lab, "users")) == len(rows)
