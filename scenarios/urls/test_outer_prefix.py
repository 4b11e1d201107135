"""A reverse proxy that serves the hub below a prefix must leave the path alone, slashes included.

Why it matters: where the web server of an institution gives the hub one folder, each side has an
opinion about that folder's name. If they differ, pages that seem to work lead out of the folder,
or the user's server is never found and the browser goes round in circles.

Sources:
- JupyterHub documentation, `base_url`: "The base URL of the entire application. Add this to the
  beginning of all JupyterHub URLs"; "Using a reverse proxy": nginx with `location /jhub/` and a
  proxy_pass without a path.
- nginx documentation, `proxy_pass`: with a URI "the part of a normalized request URI matching the
  location is replaced by a URI specified in the directive"; without one it is passed on as it came.
- jupyterhub#3139: a loop between /jupyter/hub/user/NAME/ and /jupyter/user/NAME/;
  jupyterhub#1067: the same, "PROXY WEB /jupyter//hub/user/…", by a maintainer: "a mismatch in the
  trailing slashes"; jupyterhub#2429, #2364: loops below a prefix.
- jupyterhub/handlers/base.py, `PrefixRedirectHandler`: everything outside of /hub/ is redirected
  into it; `_redirect_to_user_server`: 500 "Redirect loop detected."
- jupyterhub/app.py, `hub_routespec`: by default the proxy sends what is below base_url to the hub,
  and nothing else.

nginx has no other location: what leaves the folder is its 404.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hublab.cases.matrix import Case
from hublab.cases.url_table import answer_line
from hublab.probes.credentials import Credentials, credentials
from hublab.probes.http import Ask, RedirectLoop, ask
from hublab.running.live import LiveLab
from hublab.running.reverse_proxy import changed_site

BASE = "hub.JupyterHub.base_url"
FOLDER = ("location / {", "location /jupyter/ {")
KEPT, STRIPPED, DOUBLED = "as it came", "without the prefix", "with a doubled slash"
PASSED_ON = {
    KEPT: "proxy_pass $proxy;",
    STRIPPED: "rewrite ^/jupyter(/.*)$ $1 break; proxy_pass $proxy;",
    DOUBLED: "rewrite ^/jupyter(/.*)$ /jupyter/$1 break; proxy_pass $proxy;",
}

pytestmark = pytest.mark.topology("lab", "nginx")


@dataclass(frozen=True, slots=True)
class Row:
    """Where the form, the home page and a running server lead somebody who is signed in."""

    login: str
    home: str
    server: str
    source: str


LOOP = "redirects without an end"
OUT = " > 404 html"
INSIDE = "302 /jupyter/user/alice/ > 302 /jupyter/user/alice/lab > 200 html"
PREFIX = "PrefixRedirectHandler: into /hub/, which is out of the folder"
EXPECTED = {
    ("/jupyter/", KEPT): Row(INSIDE, "200 html", "200 html", "config-proxy.md"),
    ("/jupyter/", STRIPPED): Row("404", "404", "404", "hub_routespec: the proxy has no such route"),
    ("/jupyter/", DOUBLED): Row(
        LOOP, LOOP, LOOP, "PrefixRedirectHandler: /jupyter//x to /jupyter/hub/x, each time anew"
    ),
    ("/", KEPT): Row(
        f"302 /hub/jupyter/hub/login{OUT}",
        f"302 /hub/jupyter/hub/home{OUT}",
        f"302 /hub/jupyter/user/alice/lab{OUT}",
        PREFIX,
    ),
    # The form is there. What it leads to is not, and no cookie is for a path in the folder.
    ("/", STRIPPED): Row(
        "200 html",
        f"302 /hub/login?next=/hub/home{OUT}",
        f"302 /hub/api/oauth2/authorize{OUT}",
        "base_url: the beginning of all JupyterHub URLs",
    ),
    ("/", DOUBLED): Row(
        f"302 /hub/jupyter//hub/login{OUT}",
        f"302 /hub/jupyter//hub/home{OUT}",
        f"302 /hub/jupyter//user/alice/lab{OUT}",
        PREFIX,
    ),
}


async def seen(lab: LiveLab, path: str, who: Credentials) -> str:
    """What a browser gets that goes to a path and where it is sent from there."""
    try:
        chain = answer_line(await ask(lab, Ask(f"/jupyter/{path}"), who, follow=True))
    except RedirectLoop:
        return LOOP
    return "404" if chain.startswith("404 ") else chain  # the proxy's own


@pytest.mark.issue(
    "jupyterhub#1067",
    "jupyterhub#3139",
    "jupyterhub#2429",
    happens=True,
    workaround="base_url is the folder, and what is in front passes the path on as it came",
)
@pytest.mark.matrix(BASE, ["/", "/jupyter/"])
async def test_what_is_passed_on(lab: LiveLab, case: Case) -> None:
    """Each way to pass the path on, to a hub that knows of the prefix and to one that does not."""
    await lab.spawn("alice")
    found, expected = {}, {}
    async with credentials(lab, "alice", server="") as who:
        for way, words in PASSED_ON.items():
            async with changed_site(lab.lab, FOLDER, ("proxy_pass $proxy;", words)):
                places = ("hub/login", "hub/home", "user/alice/lab")
                found[way] = tuple([await seen(lab, place, who) for place in places])
            row = EXPECTED[str(case[BASE]), way]
            expected[way] = (row.login, row.home, row.server)
    assert found == expected
