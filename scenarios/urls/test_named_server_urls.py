"""Named servers: which names there are, and whose URL is whose.

Why it matters: with several nodes users have several servers. The proxy knows prefixes alone: a
named server's URL lies below that of the default server, which answers for all that the proxy
has no route for, also for names that exist and have stopped.

Sources:
- jupyterhub/slugs.py, `is_valid_safe_slug`: "1-30 characters; starts with letter, ends with
  letter or digit; only lowercase ASCII letters, digits hyphen; multiple consecutive hyphens not
  allowed"; handlers/base.py, `_check_named_server_request`.
- JupyterHub documentation, "JupyterHub URL scheme" (reference/urls.md),
  `/user/:username[/:servername]`; handlers/base.py, `UserUrlHandler.get`: `spawn_url`.
- configurable-http-proxy 5.3, lib/trie.js, `URLTrie.get`: the longest prefix that has a route.
- jupyterhub/handlers/pages.py, `_get_pending_url`: "must not be /user/server for named servers,
  which may get handled by the default server if they aren't ready yet".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from hublab.scenario import Ask, Case, Credentials, LiveLab, UrlRow, ask, wrong_rows

ALLOWED = "hub.JupyterHub.allow_named_servers"

pytestmark = pytest.mark.topology("lab")

NAMES = ["a", "a1", "a-b", "a" * 30, "lab"]
WRONG_NAMES = ["1a", "-a", "a-", "a--b", "a_b", "a.b", "Ok", "a%20b", "%C3%A9", "a" * 31]


def is_valid(name: str) -> bool:
    """What the documentation of `is_valid_safe_slug` says, in our words."""
    return len(name) <= 30 and bool(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name))


@pytest.mark.matrix(ALLOWED, [True, False])
async def test_a_valid_name_is_given_once(
    lab: LiveLab, case: Case, people: Mapping[str, Credentials]
) -> None:
    """Each name once, made but not started (PUT, new in 6.0: 201); and again, which is 409. Its
    page offers to start that server, the page of any other name to start the default one.
    """
    hub = await lab.hub()
    allowed = str(case[ALLOWED]) == "True"
    for name in (*NAMES, *WRONG_NAMES):
        status, body = await hub.request("PUT", f"users/bob/servers/{name}")
        expected = 201 if allowed and is_valid(name) else 400
        assert status == expected, f"{name}: {body}"
    for name in NAMES:
        status, _ = await hub.request("PUT", f"users/bob/servers/{name}")
        assert status == (409 if allowed else 400), name
    _, bob = await hub.request("GET", "users/bob", params={"include_stopped_servers": "1"})
    servers = {
        name: (one["ready"], one["pending"], one["stopped"])
        for name, one in bob["servers"].items()
        if name
    }
    assert servers == (dict.fromkeys(NAMES, (False, None, True)) if allowed else {})

    # A page with a name that is not one of these is for the default server.
    page = "hub > 424 html"
    rows = [UrlRow("bob", f"GET /user/bob/{name}/tree", page, "urls.md") for name in ("lab", "x")]
    wrong = await wrong_rows(lab, rows, people)
    assert not wrong, "\n".join(wrong)
    for name in ("lab", "x"):
        said = await ask(lab, Ask(f"/user/bob/{name}/tree"), people["bob"], follow=True)
        (offered,) = re.findall(rb'id="start"[^>]*href="([^"?]+)', said.body)
        own = allowed and name in NAMES
        assert offered.decode() == ("/hub/spawn/bob/lab" if own else "/hub/spawn/bob")


@pytest.mark.sabotage("hub.JupyterHub.use_legacy_stopped_server_status_code", True)
@pytest.mark.finding(
    "A stopped named server is answered 404 by the default server while that runs",
    project="jupyterhub",
    steps="Start a user's default server, have a named server 'two' that is stopped, and open "
    "/user/NAME/two/lab; stop the default server and open it again.",
    expected="302 to /hub/user/NAME/two/lab, which says that the server is stopped: 'If the "
    "user's server is not running, this will be redirected to /hub/user/:username/…' "
    "(reference/urls.md, /user/:username[/:servername]).",
    seen="404 from the default server, whose route /user/NAME is the longest prefix left; with "
    "the default server stopped it is redirected as documented.",
)
async def test_the_default_server_answers_for_a_stopped_named_one(
    lab: LiveLab, people: Mapping[str, Credentials]
) -> None:
    """alice's server `two` is stopped; who answers for it depends on her default server."""
    await lab.spawn("alice", on="node1")
    hub = await lab.hub()
    assert (await hub.request("PUT", "users/alice/servers/two"))[0] == 201
    stopped = UrlRow("alice's token", "GET /user/alice/two/lab", "404 html", "trie.js")
    call = UrlRow("alice's token", "GET /user/alice/two/api/status", "404 html", "trie.js")
    wrong = await wrong_rows(lab, [stopped, call], people)

    await lab.stop("alice")
    page = UrlRow("alice", "GET /user/alice/two/lab", "hub > 424 html", "urls.md")
    call = UrlRow("alice", "GET /user/alice/two/api/status", "hub > 424 json", "urls.md")
    wrong += await wrong_rows(lab, [page, call], people)
    assert not wrong, "\n".join(wrong)
