"""Odd URLs: the proxy reads them as browsers do, and decides by that who gets them.

Why it matters: whatever stands in front (a filter, a cache, an ingress with rules by path) must
agree with the proxy about what a URL means. The proxy resolves dots and escapes before it looks
for a route; and a few ordinary words in a path it does not survive at all.

Sources:
- configurable-http-proxy 5.3, lib/configproxy.js, `targetForReq`: `decodeURIComponent(new
  URL(req.url, "http://example.com").pathname)` is looked up; what throws there is 500
  (`handleProxy`, catch), with the page of the error target.
- http-proxy-3, lib/http-proxy/common.js, `getPath`: what is passed on is `pathname` and `search`
  of such a URL, so dots are resolved there too, and escapes stay as they came; `toURL`: two
  slashes at the start are kept as a path, by a special case that `targetForReq` has not.
- WHATWG URL standard, "path state": `..` and `%2e%2e` go up; a doubled slash at the start names
  a host; a backslash is a slash.
- configurable-http-proxy 5.3, lib/trie.js, `URLTrie.get`: `this.branches[part]`, an object
  literal, which has what every object inherits.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hublab.scenario import Credentials, LiveLab, UrlRow, server_accesses, wrong_rows

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.sabotage("hub.JupyterHub.base_url", "/jh/"),
]

STATUS = "/user/alice/api/status"
DOTS = "WHATWG URL, path state: dot segments are resolved, escaped ones too"
ESCAPED = "configproxy.js looks up the decoded path, common.js passes on the escaped one"
HOST = "targetForReq: after two slashes comes a host; common.js, toURL: there it is path"
BACK = f"302 {STATUS}?redirects=1"
ABSOLUTE = "RFC 9112, 3.2.2, absolute-form; targetForReq takes the path of it, any host will do"
THROWS = "configproxy.js, handleProxy: what throws in targetForReq is 500"
NODE = "node:http refuses a target that is no URL: 400"
CASE = "trie.js: parts are compared as they are"
TORNADO = "tornado/routing.py, PathMatches: the path as it came must match"

ODD = [
    UrlRow("alice's token", f"GET /hub/..{STATUS}", "200 json", DOTS),
    UrlRow("alice's token", f"GET /user/bob/..{STATUS[5:]}", "200 json", DOTS),
    UrlRow("alice's token", f"GET /user/bob/%2e%2E{STATUS[5:]}", "200 json", DOTS),
    UrlRow("nobody", "GET /user/alice/../../hub/health", "200 empty", DOTS),
    UrlRow("nobody", "GET /%2e%2e/hub/health", "200 empty", DOTS),
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
    UrlRow("nobody", "GET //", "500 html", THROWS),
    UrlRow("nobody", "GET /a%zz", "500 html", THROWS),
    UrlRow("nobody", "GET user/alice", "400 empty", NODE),
    UrlRow(
        "nobody", "OPTIONS *", "405 html", "handlers/base.py, PrefixRedirectHandler: defines get"
    ),
    # Looked up without the host that two slashes begin, passed on with it: alice's server gets
    # the first of these, the hub the others, which it keeps on this host.
    UrlRow("alice's token", f"GET //x{STATUS}", "404 html", HOST),
    UrlRow("nobody", "GET //evil.example/", "302 /hub/evil.example/ > 404 html", HOST),
    UrlRow("alice's token", f"GET /{STATUS}", f"302 /hub{STATUS} > {BACK} > 200 json", HOST),
]
INHERITED = ("constructor", "toString", "valueOf", "hasOwnProperty", "__proto__")


@pytest.mark.finding(
    "Two slashes at the start: looked up as one path, passed on as another",
    project="configurable-http-proxy",
    steps="GET //x/user/NAME/api/status while NAME's server runs, and GET //user/NAME/api/status.",
    expected="The path that decides about the route is the one that its target gets.",
    seen="The first goes to NAME's server, as //x/user/NAME/api/status; the second to the hub. "
    "targetForReq takes what follows the slashes for a host, http-proxy-3 for a path.",
)
async def test_odd_urls_are_read_as_browsers_do(
    lab: LiveLab, people: Mapping[str, Credentials]
) -> None:
    """Dots, escapes, slashes, hosts and nonsense, each sent exactly as it stands."""
    await lab.spawn("alice", on="node1")
    wrong = await wrong_rows(lab, ODD, people)
    assert not wrong, "\n".join(wrong)
    asked = {access.path for access in await server_accesses(lab, "alice", "node1")}
    assert f"//x{STATUS}" in asked


@pytest.mark.finding(
    "A path with a name that every JavaScript object inherits is 500 for everybody",
    project="configurable-http-proxy",
    steps="GET /constructor, /toString, /user/constructor/ (with any user's server running), or "
    "/user/NAME/valueOf with NAME's server running; no sign-in is needed.",
    expected="The route of the longest prefix answers, as for any other path: a user whose name "
    "is 'constructor', or whose named server is, finds the hub while it is stopped.",
    seen="500 from the proxy. URLTrie.get looks the part up in an object literal, "
    "`this.branches[part]`, finds Object.prototype's and calls its `get`. URLTrie.add asks "
    "hasOwnProperty; get and remove do not.",
)
async def test_inherited_names(lab: LiveLab, people: Mapping[str, Credentials]) -> None:
    """500 at each place where the proxy looks for a branch, and nowhere else."""
    await lab.spawn("alice", on="node1")
    rows = [
        UrlRow("bob", f"GET {place}/{name}", "500 html", "trie.js, URLTrie.get")
        for name in INHERITED
        for place in ("", "/user", "/user/alice")
    ]
    rows += [UrlRow("bob", f"GET /hub/{name}", "404 html", "no branch there") for name in INHERITED]
    rows += [UrlRow("bob", "GET /user/construct/x", "hub > 404 html", "an ordinary word")]
    wrong = await wrong_rows(lab, rows, people)
    assert not wrong, "\n".join(wrong)
