"""What an open tab writes to a stopped server is refused, and nobody says that it has stopped.

Why it matters: a server that was culled, or whose node went away, leaves tabs open that save,
start kernels and keep scripts running. What they read tells them that the server has stopped;
what they write gets a page about a missing XSRF token, and looks like a fault of the sign-in.

Sources:
- JupyterHub documentation, "JupyterHub URL scheme" (reference/urls.md), "Special handling of API
  requests": "These are failed with 503 and an informative JSON error message indicating how to
  spawn the server."
- jupyterhub/handlers/base.py, `UserUrlHandler.non_get`: "fail all non-GET requests with JSON …
  hopefully informative message pointing to how to spawn stopped server", for POST, PATCH, DELETE.
- The same, `PrefixRedirectHandler`: defines GET alone, and takes no token (`_accept_token_auth`);
  `BaseHandler.prepare` checks XSRF before the method is looked for.
- microsoft/vscode-jupyter#2394: an editor that is given the hub's URL writes below `/api`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping

import pytest

from hublab.scenario import Ask, Credentials, LiveLab, UrlRow, ask, wrong_rows

LEGACY = "hub.JupyterHub.use_legacy_stopped_server_status_code"

pytestmark = [pytest.mark.topology("lab"), pytest.mark.sabotage(LEGACY, True)]

FILE = "/user/bob/api/contents/a.ipynb"
XSRF = "handlers/base.py, BaseHandler.prepare: check_xsrf_cookie; no token is looked at"
ONLY_GET = "handlers/base.py, PrefixRedirectHandler: defines get"
NON_GET = "handlers/base.py, UserUrlHandler.non_get"
NO_PUT = "handlers/base.py, UserUrlHandler: post, patch, delete = non_get, and no put"

METHODS = ("POST", "PUT", "PATCH", "DELETE")
WRITES = [
    *(UrlRow("bob", f"{m} {FILE}", "403 html", XSRF) for m in METHODS),
    *(UrlRow("bob's token", f"{m} {FILE}", "403 html", XSRF) for m in METHODS),
    UrlRow("nobody", f"POST {FILE}", "403 html", XSRF),
    UrlRow("bob", f"HEAD {FILE}", "405 empty", ONLY_GET),
    UrlRow("bob", f"OPTIONS {FILE}", "405 html", ONLY_GET),
    # Only who goes to the hub's own path, with a token, hears what is the matter.
    UrlRow("bob's token", f"POST /hub{FILE}", "424 json", NON_GET),
    UrlRow("bob's token", f"PATCH /hub{FILE}", "424 json", NON_GET),
    UrlRow("bob's token", f"DELETE /hub{FILE}", "424 json", NON_GET),
    UrlRow("bob's token", f"PUT /hub{FILE}", "405 html", NO_PUT),
    UrlRow("nobody", f"POST /hub{FILE}", "403 html", XSRF),
    # Reading the same file tells it all the same.
    UrlRow("bob's token", f"GET {FILE}", "hub > 424 json", "UserUrlHandler.get: 'api' in the path"),
]


async def stopped(lab: LiveLab) -> None:
    """Bob's server has run, and is stopped."""
    await lab.spawn("bob", on="node1")
    await lab.stop("bob")


@pytest.mark.finding(
    "What is written to a stopped server is answered 403 or 405 in HTML instead of 424 in JSON",
    project="jupyterhub",
    steps="With a user's API token: PUT or POST /user/NAME/api/contents/a.ipynb through the "
    "proxy while the server is stopped; then PUT /hub/user/NAME/api/contents/a.ipynb.",
    expected="An informative JSON error that says how to start the server (reference/urls.md, "
    "'Special handling of API requests'; handlers/base.py, UserUrlHandler.non_get).",
    seen="403 in HTML, \"'_xsrf' argument missing from PUT\": PrefixRedirectHandler defines get "
    "alone and knows no tokens, so that non_get is never reached. PUT, with which JupyterLab "
    "saves, is 405 at /hub/user too: UserUrlHandler lacks put.",
)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/deletes_are_told.py", sentence="Every method that changes something"
)
async def test_a_write_to_a_stopped_server_is_refused(
    lab: LiveLab, people: Mapping[str, Credentials]
) -> None:
    """Every method that changes something, as a tab and as a script: the page blames a missing XSRF
    token. At the hub's own path a script reads that the server has stopped.
    """
    await stopped(lab)
    wrong = await wrong_rows(lab, WRITES, people)
    assert not wrong, "\n".join(wrong)
    for who, method in itertools.product(("bob", "bob's token"), METHODS):
        said = (await ask(lab, Ask(FILE, method), people[who])).body.decode()
        assert f"_xsrf&#39; argument missing from {method}" in said
        assert "running" not in said
    for method in ("POST", "PATCH", "DELETE"):
        told = await ask(lab, Ask(f"/hub{FILE}", method), people["bob's token"])
        assert f"no longer running at {FILE}" in json.loads(told.body)["message"]


@pytest.mark.finding(
    "The documentation says 503 for a stopped server; it is 424 since 2.0",
    project="jupyterhub",
    steps="Open /user/NAME/ and /user/NAME/api/status while the server is stopped.",
    expected="503 (reference/urls.md: 'The HTTP status will be 503 in this case'; 'These are "
    "failed with 503').",
    seen="424, as use_legacy_stopped_server_status_code says in its help.",
)
@pytest.mark.issue(
    "microsoft/vscode-jupyter#2394",
    happens=True,
    workaround="give the client the URL of the server, /user/NAME/, and not that of the hub",
)
async def test_a_read_of_a_stopped_server_is_answered_by_the_hub(
    lab: LiveLab, people: Mapping[str, Credentials]
) -> None:
    """A page and a call of bob's stopped server; then a client that takes the hub for a server."""
    await stopped(lab)
    rows = [
        UrlRow("bob", "GET /user/bob/", "hub > 424 html", "use_legacy_stopped_server_status_code"),
        UrlRow("bob", "GET /user/bob/api/status", "hub > 424 json", "the same"),
        UrlRow("bob's token", "GET /api/contents", "hub > 404 json", "app.py: API404 at /hub/api/"),
        UrlRow("bob's token", "POST /api/contents", "403 html", XSRF),
    ]
    wrong = await wrong_rows(lab, rows, people)
    assert not wrong, "\n".join(wrong)

    said = await ask(lab, Ask("/user/bob/api/status"), people["bob"], follow=True)
    words = said.body.decode()
    assert "JupyterHub server no longer running at /user/bob/api/status" in words
    assert f"Restart the server at {lab.origin}/hub/spawn/bob" in words
