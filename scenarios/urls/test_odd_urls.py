"""Odd URLs: the proxy reads them as browsers do, and decides by that who gets them.

Why it matters: whatever stands in front (a filter, a cache, an ingress with rules by path) must
agree with the proxy about what a URL means. The proxy resolves dots and escapes before it looks
for a route.

Not tried here: configurable-http-proxy 5.3 answers some malformed paths, and some well-formed ones
that nobody has a route for, with 500, and may route a malformed path by another reading than the
one that it passes on. A front proxy that normalizes paths and refuses malformed ones keeps them
away; rules by path belong there, before the proxy.

Sources:
- configurable-http-proxy 5.3, lib/configproxy.js, `targetForReq`: the decoded path is looked up.
- http-proxy-3, lib/http-proxy/common.js, `getPath`: what is passed on is `pathname` and `search`
  of a URL, so dots are resolved there too, and escapes stay as they came.
- WHATWG URL standard, "path state": `..` and `%2e%2e` go up.
- RFC 9112, 3.2.2: a server must accept a target in absolute form.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hublab.scenario import Credentials, LiveLab, UrlRow, wrong_rows

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.sabotage("hub.JupyterHub.base_url", "/jh/"),
]

STATUS = "/user/alice/api/status"
DOTS = "WHATWG URL, path state: dot segments are resolved, escaped ones too"
QUERY = (
    "common.js passes `search` on; AcceptShareHandler: 400 without a code, 404 for an unknown one"
)
ESCAPED = "configproxy.js looks up the decoded path, common.js passes on the escaped one"
ABSOLUTE = "RFC 9112, 3.2.2, absolute-form; targetForReq takes the path of it, any host will do"
NODE = "node:http refuses a target that is no URL: 400"
BY_LOGIN = "302 /hub/login?next=/hub/accept-share > 302 /hub/accept-share"
"""No cookie of the hub's goes to such a path; the form's address leads who is signed in back."""
CASE = "trie.js: parts are compared as they are"
TORNADO = "tornado/routing.py, PathMatches: the path as it came must match"

ODD = [
    UrlRow("alice's token", f"GET /hub/..{STATUS}", "200 json", DOTS),
    UrlRow("alice's token", f"GET /user/bob/..{STATUS[5:]}", "200 json", DOTS),
    UrlRow("alice's token", f"GET /user/bob/%2e%2E{STATUS[5:]}", "200 json", DOTS),
    UrlRow("nobody", "GET /user/alice/../../hub/health", "200 empty", DOTS),
    UrlRow("nobody", "GET /%2e%2e/hub/health", "200 empty", DOTS),
    UrlRow("bob", "GET /user/alice/../../hub/accept-share", f"{BY_LOGIN} > 400 html", QUERY),
    UrlRow(
        "bob", "GET /user/alice/../../hub/accept-share?code=../x", f"{BY_LOGIN} > 404 html", QUERY
    ),
    UrlRow("nobody", "GET /hub/static/../../etc/passwd", "302 /hub/etc/passwd > 404 html", DOTS),
    UrlRow("nobody", "GET /hub/static/%2e%2e/%2e%2e/x", "302 /hub/x > 404 html", DOTS),
    UrlRow("alice's token", "GET /user%2Falice/api/status", "404 html", ESCAPED),
    UrlRow("alice's token", "GET /user/%61lice/api/status", "404 html", ESCAPED),
    UrlRow("nobody", "GET /hub/l%6fgin", "404 html", TORNADO),
    UrlRow("nobody", "GET /hub//login", "404 html", TORNADO),
    UrlRow("nobody", "GET /HUB/login", "302 /hub/HUB/login > 404 html", CASE),
    UrlRow("alice's token", "GET /user/Alice/api/status", "hub > 404 html", CASE),
    UrlRow("alice's token", f"GET {STATUS}/", f"302 {STATUS} > 200 json", "TrailingSlashHandler"),
    UrlRow("alice's token", f"GET http://other.example{STATUS}", "200 json", ABSOLUTE),
    UrlRow("nobody", "GET user/alice", "400 empty", NODE),
    UrlRow(
        "nobody", "OPTIONS *", "405 html", "handlers/base.py, PrefixRedirectHandler: defines get"
    ),
]


async def test_odd_urls_are_read_as_browsers_do(
    lab: LiveLab, people: Mapping[str, Credentials]
) -> None:
    """Dots, escapes, slashes, a query and hosts, each sent exactly as it stands."""
    await lab.spawn("alice", on="node1")
    wrong = await wrong_rows(lab, ODD, people)
    assert not wrong, "\n".join(wrong)
