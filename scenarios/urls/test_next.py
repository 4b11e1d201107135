"""`next` leads anywhere on this host and nowhere else.

Why it matters: a link to a trusted hub that ends on somebody else's host is what phishing is
made of. The hub compares with the host that the request names, so a proxy that rewrites Host
makes it refuse its own address, and one that passes a foreign Host makes it believe in that.

Not tried here: addresses that are disguised. JupyterHub before 5.4.4 has an open redirect
(CVE-2026-33709 in its changelog); update it.

Sources:
- jupyterhub/handlers/base.py, `_validate_next_url`: "protects against external redirects", own
  host to a path; `get_next_url`: the default where it refuses.
- RFC 3986, 4.2: a reference that begins with two slashes names a host.
- JupyterHub documentation, `redirect_to_server`: the default after signing in.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest
from yarl import URL

from hublab.scenario import NAVIGATE, Ask, Case, LiveLab, ask, credentials

TO_SERVER = "hub.JupyterHub.redirect_to_server"

pytestmark = pytest.mark.topology("lab")

# What `next` says, and where it leads; None: refused. HOST is the proxy as the request names it.
NEXT: dict[str, str | None] = {
    "/hub/home": "/hub/home",
    "/hub/token?a=1#b": "/hub/token?a=1#b",
    "/user/alice/lab/tree/a%20b.ipynb": "/user/alice/lab/tree/a%20b.ipynb",
    "http://HOST/hub/token": "/hub/token",
    "//HOST/hub/token": "/hub/token",
    "http://HOST": "/",
    "hub/home": None,
    "javascript:alert(1)": None,
    "https://HOST/hub/home": None,
    "http://evil.example/": None,
    "//evil.example/": None,
    "http://HOST.evil.example/": None,
    "http://evil.example/http://HOST/": None,
}


@pytest.mark.matrix(TO_SERVER, [True, False])
@pytest.mark.sabotage("hub.snippet", "../changes/next_may_name_a_host.py", sentence="nowhere else")
async def test_next_leads_nowhere_but_this_host(lab: LiveLab, case: Case) -> None:
    """Two pages that look at `next`, each with every address; alice is signed in."""
    default = "/hub/spawn" if case[TO_SERVER] else "/hub/home"
    alice = await lab.enter(credentials(lab, "alice"))
    wrong = []
    for page in ("/hub/login", "/hub/"):
        for given, leads in NEXT.items():
            value = given.replace("HOST", lab.origin.authority)
            answer = await ask(lab, Ask(f"{page}?next={quote(value, safe='')}"), alice)
            seen = answer.header("Location")
            if (answer.status, seen) != (302, leads or default):
                wrong.append(f"{page}, next {value!r}: {answer.status} {seen}, not {leads}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.sabotage(TO_SERVER, False)
async def test_signing_in_leads_where_one_was_going(lab: LiveLab) -> None:
    """To where one was going with "all query parameters" (urls.md), and not to another host."""
    password = await lab.run("hub", "cat", "/etc/hublab/password")
    for start, leads in (
        ("/hub/home?a=1&b=%2F%26", "/hub/home?a=1&b=%2F%26"),
        ("/hub/login?a=1&b=%2F%26", "/hub/spawn?a=1&b=%2F%26"),
        ("/hub/login?next=%2F%2Fevil.example%2F", "/hub/spawn"),
    ):
        url = URL(f"{lab.origin}{start}", encoded=True)
        async with lab.channel.session() as session:
            async with session.get(url, headers=NAVIGATE) as form:
                login = form.url
            xsrf = session.cookie_jar.filter_cookies(login)["_xsrf"].value
            data = {"username": "alice", "password": password.strip(), "_xsrf": xsrf}
            async with session.post(
                login, data=data, headers=NAVIGATE, allow_redirects=False
            ) as done:
                assert (done.status, done.headers["Location"]) == (302, leads)
