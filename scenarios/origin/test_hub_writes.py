"""What the hub looks at before it lets a cookie write: the XSRF token, the content type of a POST,
and no host, whatever `forwarded_host_header` says.

Why it matters: scripts and portals that write with a browser's cookies are refused for one of
these, all with the same 403; and a setting that is there for proxies which rename hosts changes
nothing, so that the search for the cause goes on elsewhere.

What keeps foreign pages out is the XSRF token: the check of the content type alone, in jupyterhub
6.1.1, does not. Leave `xsrf_cookies` on.

Sources:
- jupyterhub/apihandlers/base.py, `check_post_content_type`: "Check request content-type, e.g. for
  cross-site POST requests. Cross-site POST via form will include content-type" (HTML standard,
  `enctype`: three of them); "not specified,
  e.g. from a script" is allowed; "parse content type for application/json". It is asked for POST.
- JupyterHub documentation, `JupyterHub.forwarded_host_header`: "Alternate header to use as the Host
  (e.g., X-Forwarded-Host) when determining whether a request is cross-origin".
- jupyterhub/apihandlers/base.py, `check_referer`: "deprecated in JupyterHub 3.2 and always returns
  True". Nothing in jupyterhub 6.1.1 reads forwarded_host_header.
"""

from __future__ import annotations

import itertools
import json

import pytest

from hublab.scenario import COOKIE, COOKIE_XSRF, Ask, Asking, LiveLab, ask, call, callers

FORWARDED = "hub.JupyterHub.forwarded_host_header"
NO_XSRF = {"xsrf_cookies": False}
ACTIVITY = "/hub/api/users/alice/activity"
NOW = {"last_activity": "2020-01-01T00:00:00Z"}
MULTIPART = "multipart/form-data; boundary=x"
PARTS = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
"""A body that tornado can read as that; another one is 400."""
EVIL = "http://evil.lab"

pytestmark = pytest.mark.topology("lab")


@pytest.mark.sabotage("hub.JupyterHub.tornado_settings", NO_XSRF)
@pytest.mark.sabotage(
    "hub.snippet",
    "../changes/any_content_type.py",
    sentence="a form and plain text are as if nobody had signed in",
)
async def test_a_post_as_a_form_is_nobodys(lab: LiveLab) -> None:
    """JSON, or none at all; a form and plain text are as if nobody had signed in, whichever of its
    three kinds a form has.
    """
    forms = ("text/plain", "application/x-www-form-urlencoded", MULTIPART)
    refused = dict.fromkeys((*forms, "text/json"), 403)
    taken = {"": 200, "application/json": 200, "application/json; charset=utf-8": 200}
    expected = {**refused, **taken}
    async with callers(lab, "alice") as who:

        async def status(kind: str, *, xsrf: bool = True) -> int:
            headers = (("Content-Type", kind),) if kind else ()
            body = PARTS if kind == MULTIPART else json.dumps(NOW).encode()
            wanted = Ask(ACTIVITY, "POST", headers, body, xsrf=xsrf)
            return (await ask(lab, wanted, who.cookie)).status

        assert {kind: await status(kind) for kind in expected} == expected
        # Without the XSRF token none of them is taken.
        assert {await status(kind, xsrf=False) for kind in expected} == {403}


@pytest.mark.matrix(FORWARDED, ["", "X-Forwarded-Host"])
@pytest.mark.sabotage("hub.JupyterHub.tornado_settings", NO_XSRF)
@pytest.mark.finding(
    "forwarded_host_header does nothing",
    project="jupyterhub",
    steps="forwarded_host_header = 'X-Forwarded-Host'; POST to the hub's API from a page of "
    "another origin, with cookies and XSRF token, and X-Forwarded-Host of either or none.",
    expected="Only the request whose Origin is the host named there is same-origin (help of the "
    "setting: 'Alternate header to use as the Host when determining whether a request is "
    "cross-origin').",
    seen="All are taken alike, with and without the setting: the hub no longer determines whether "
    "a request is cross-origin, and nothing reads the trait.",
)
@pytest.mark.issue("jupyterhub#4346", happens=False, workaround="none needed since 3.2")
@pytest.mark.issue("jupyterhub#1363", happens=False, workaround="none needed since 3.2")
@pytest.mark.issue("zero-to-jupyterhub-k8s#660", happens=False, workaround="none needed since 3.2")
@pytest.mark.sabotage(
    "hub.snippet",
    "../changes/refuses_foreign_origins.py",
    sentence="whatever the request says of its origin",
)
async def test_the_xsrf_token_decides_whatever_the_host(lab: LiveLab) -> None:
    """The XSRF token decides, whatever the request says of its origin, its page and its host."""
    own, foreign = lab.origin.authority, "evil.lab"
    async with callers(lab, "alice") as who:
        for host, forwarded, xsrf in itertools.product((own, foreign), (own, foreign, ""), (1, 0)):
            headers = (
                ("Host", host),
                ("Origin", EVIL),
                ("Referer", f"{EVIL}/hub/home"),
                ("Content-Type", "application/json"),
                *((("X-Forwarded-Host", forwarded),) if forwarded else ()),
            )
            body = json.dumps(NOW).encode()
            wanted = Ask(ACTIVITY, "POST", headers, body, xsrf=bool(xsrf))
            status = (await ask(lab, wanted, who.cookie)).status
            assert status == (200 if xsrf else 403), (host, forwarded)
        for asked, expected in ((COOKIE_XSRF, 200), (COOKIE, 403)):
            answer = await call(lab, who, ACTIVITY, Asking(asked, "POST", EVIL), NOW)
            assert answer.status == expected
