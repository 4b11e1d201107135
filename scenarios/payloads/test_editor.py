"""marimo's editor behind a user's server: its own token, and a cookie that two servers share.

Why it matters: somebody has signed in at the hub, and the editor asks for a token that it has
written into a log on the node. And who has two editors on two nodes is signed out of one by the
other: to the browser both are the hub's site.

Sources:
- marimo documentation, "Authentication", and `marimo edit --help`: `--token-password-file`; "A
  random token will be generated"; `--base-url`.
- marimo 0.25, _server/api/auth.py, `CustomSessionMiddleware`: "We key the token cookie by port to
  avoid conflicts with multiple marimo instances running on the same host"; the path is "/", or the
  base URL, which also stands in the name.
- RFC 6265, 4.1.2.4 (Path) and 8.5: cookies are not kept apart by port, nor by who has set them.
- jupyter-server-proxy documentation: `/proxy/absolute/PORT` leaves the prefix in the path.
"""

from __future__ import annotations

import contextlib
import secrets

import pytest
from yarl import URL

from hublab.scenario import File, LiveLab, Visitor

from .dashboards import PORT, TOKEN, dashboard

pytestmark = [
    pytest.mark.slow,  # an image for each node
    pytest.mark.topology("lab", "older-tornado"),
]

NODES = {"here": "node1", "there": "node2"}


async def lets_in(visitor: Visitor, at: URL) -> bool:
    """Whether the editor shows itself, and not the form that asks for its token."""
    async with visitor.session.get(at) as answer:
        text = await answer.text()
        return answer.status == 200 and not answer.url.path.endswith("auth/login") and bool(text)


async def sign_in(visitor: Visitor, at: URL, token: str) -> None:
    """Fill in that form."""
    form = {"password": token}
    url = at / "auth/login"
    async with visitor.session.post(url, data=form, headers=visitor.xsrf(url)) as answer:
        assert answer.status == 200


def cookies(visitor: Visitor) -> list[tuple[str, str]]:
    """Name and path of the editor's cookies in the browser."""
    jar = visitor.session.cookie_jar
    return sorted((one.key, one["path"]) for one in jar if one.key.startswith("session"))


@pytest.mark.finding(
    "The same person's editors on two hosts behind one address sign each other out",
    project="marimo",
    steps="Two servers of one user on two hosts; `marimo edit --port 9200` on both, at "
    "/user/NAME/SERVER/proxy/9200/; sign in at one, at the other, go back to the first.",
    expected="Both are open: the cookie is keyed 'to avoid conflicts with multiple marimo "
    "instances'.",
    seen="The first asks for its token again: both cookies are session_9200 with Path=/.",
)
@pytest.mark.sabotage("server.snippet", "../changes/cookies_stay_in_place.py")
async def test_an_editor_with_its_own_token(lab: LiveLab) -> None:
    """The hub's sign-in is not enough, and two on one port sign each other out.

    With `--base-url` of their places each has a cookie of its own.
    """
    alice = await lab.sign_in("alice")
    token = {}
    for name, node in NODES.items():
        await lab.spawn("alice", name, on=node)
        await alice.open_server(name)
        token[name] = secrets.token_urlsafe()
        lab.hide(token[name])
        folder = "/home/alice/dashboards"
        await lab.run(node, "mkdir", folder, user="alice")
        await lab.put_files(node, folder, [File(TOKEN, token[name].encode())])
    for prefix in ("proxy", "proxy/absolute"):
        places = {name: alice.server_url(name) / f"{prefix}/{PORT}/" for name in NODES}
        async with contextlib.AsyncExitStack() as stack:
            for name, node in NODES.items():
                base = places[name].path.rstrip("/")
                options = [f"--base-url={base}"] if prefix == "proxy/absolute" else []
                await stack.enter_async_context(dashboard(lab, "editor", *options, on=node))
            for name, at in places.items():
                assert not await lets_in(alice, at)
                await sign_in(alice, at, token[name])
                assert await lets_in(alice, at)
            first = await lets_in(alice, places["here"])
            if prefix == "proxy":
                assert cookies(alice) == [(f"session_{PORT}", "/")]
                assert not first
            else:
                assert first
    own = [(name, path) for name, path in cookies(alice) if path != "/"]
    assert [path for _, path in own] == [places[name].path.rstrip("/") for name in NODES]
