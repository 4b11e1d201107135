"""A user's options reach the spawner by five ways, and only a form's are coerced on the way.

Why it matters: users choose a host, an image, a size. The page is only one way in: whatever it
checks or converts, the REST API hands over raw, and what was chosen once is used again.

Sources:
- jupyterhub 6.1.1, spawner.py, `user_options`: form data "is passed through `options_from_form`";
  "`user_options` may also be passed as the JSON body to a spawn request via the REST API, in which
  case it is stored directly, unmodified".
- `options_from_form`: "passthrough" leaves lists of strings, "simple" unpacks lists of one;
  `options_from_query` calls it too; "user_options are persisted in the JupyterHub database to be
  reused on subsequent spawns if no options are given".
- `apply_user_options` (5.3): a dict of option to attribute sets the attribute, and what the trait
  refuses is 400 "Invalid user options" (`_run_apply_user_options`); it runs before `pre_spawn_hook`
  (user.py, `User.spawn`).
- jupyterhub/handlers/pages.py, `_get_user_options` (6.0): query arguments with the prefix `opt-`;
  without a prefix they still work and are warned of.
- jupyterhub/apihandlers/users.py, `get_server_json_body`: an empty body is no options; a body
  without `user_options` and `display_name` is the options itself.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import pytest

from hublab.scenario import (
    NAVIGATE,
    Case,
    LiveLab,
    Visitor,
    flag_file,
    hook_runs,
    server_model,
    until,
    until_state,
)

from .page_starts import Shown, answered_at_once, shown

FROM_FORM = "hub.SSHSpawner.options_from_form"

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("hub.snippet", ["hooks.py"]),
    pytest.mark.matrix("hub.SSHSpawner.options_form", ['<input name="start">']),
    pytest.mark.matrix("hub.SSHSpawner.apply_user_options", [{"start": "default_url"}]),
]


class Way(NamedTuple):
    """A request that starts a server: a page's or the API's, its query and its body."""

    kind: str
    query: str
    body: Any
    raw: Any
    """What arrives before anything is coerced; None: the options of the time before."""
    source: str


WAYS = [
    Way("form", "", {"start": "/a"}, {"start": ["/a"]}, "pages.py, SpawnHandler._post"),
    Way("api", "", {"user_options": {"start": "/b"}}, {"start": "/b"}, "user_options"),
    Way("api", "", {"start": "/c"}, {"start": "/c"}, "get_server_json_body: whole body"),
    Way("api", "", None, None, "get_server_json_body: empty body"),
    Way("api", "", {}, None, "get_server_json_body: empty body"),
    Way("query", "opt-start=/d", None, {"start": ["/d"]}, "_get_user_options: new keys"),
    Way("query", "start=/e", None, {"start": ["/e"]}, "_get_user_options: old keys"),
    Way("query", "opt-start=/f&start=/g", None, {"start": ["/f"]}, "ignoring old keys"),
    Way("api", "", {"user_options": {"start": 5}}, {"start": 5}, "apply_user_options: 400"),
    Way("api", "", {"user_options": {}}, {}, "get_server_json_body: options that are empty"),
]


def coerced(way: Way, how: str, before: dict[str, Any]) -> dict[str, Any]:
    """The options that the spawner gets."""
    if way.raw is None:
        return before
    if way.kind == "api" or how == "passthrough":
        return dict(way.raw)
    return {key: values[0] if len(values) == 1 else values for key, values in way.raw.items()}


async def go(visitor: Visitor, lab: LiveLab, way: Way) -> Shown:
    """Send the request of a way."""
    if way.kind == "api":
        status, _ = await (await lab.hub()).request("POST", "users/alice/server", json=way.body)
        return Shown(status, "", "")
    url = visitor.origin.with_path(f"{visitor.base}hub/spawn")
    if way.kind == "query":
        options = url.with_query(way.query)
        async with visitor.session.get(options, headers=NAVIGATE, allow_redirects=False) as page:
            return await shown(page)
    xsrf = visitor.session.cookie_jar.filter_cookies(url)["_xsrf"].value
    target = url.with_query(_xsrf=xsrf)
    async with visitor.session.post(
        target, data=way.body, headers=NAVIGATE, allow_redirects=False
    ) as page:
        return await shown(page)


async def told_since(lab: LiveLab, seen: int) -> list[dict[str, Any]]:
    """What the hook told in its runs after the first `seen`."""
    return [run.printed for run in (await hook_runs(lab, "pre_spawn_hook"))[seen:]]


@pytest.mark.matrix(FROM_FORM, ["simple", "passthrough"])
@pytest.mark.sabotage("hub.snippet", "../changes/refused_options_pass.py", sentence="and refuses")
async def test_only_a_forms_options_are_coerced(lab: LiveLab, case: Case) -> None:
    """Each way in turn; the hook after `apply_user_options` sees what came of it, and refuses."""
    visitor = await lab.sign_in("alice")
    before: dict[str, Any] = {}
    for way in WAYS:
        seen = len(await hook_runs(lab, "pre_spawn_hook"))
        async with flag_file(lab, "hub", "pre_spawn_hook", "HTTPError 403"):
            answer = await answered_at_once(lab, "alice", partial(go, visitor, lab, way))
        await until_state(lab, "alice", "stopped")

        before = coerced(way, str(case[FROM_FORM]), before)
        good = isinstance(before.get("start", ""), str)
        # A way with good options gets as far as the hook, which says 403.
        assert answer.status == (403 if good else 400), way
        if good:
            await until(partial(told_since, lab, seen), what="the hook's line in the hub's log")
        runs = await told_since(lab, seen)
        assert all(told["options"] == before for told in runs), way
        assert bool(runs) == good, way
        if "start" in before:
            assert all(told["default_url"] == before["start"] for told in runs), way
        model = await server_model(lab, "alice")
        assert model is not None
        assert model["user_options"] == before, way  # kept, though the start failed
