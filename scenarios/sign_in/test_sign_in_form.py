"""The form is tied to the address from which its page was asked for; a page of somebody who is
signed in is not, even when the session's cookie is lost.

Why it matters: with several load balancers, or one that tells the client's address at times, the
page and the form of one person come from two addresses, and signing in fails at random with "Login
form invalid or expired. Try again."; that it is the XSRF cookie stands in the hub's log alone.

Sources:
- jupyterhub/_xsrf_utils.py, `_anonymous_xsrf_id`: a hash of address and User-Agent;
  `_anonymous_ip_cidrs`: JUPYTERHUB_XSRF_ANONYMOUS_IP_CIDRS leaves addresses out.
- tornado/httpserver.py, `_apply_xheaders`: X-Real-IP before X-Forwarded-For. The proxy passes a
  client's X-Real-IP on as it is (jupyterhub#1822: the frontmost proxy must discard it).
- zero-to-jupyterhub-k8s#3422 (the symptom), jupyterhub#4991 (the setting).
- jupyterhub#5385, fixed by #5386: "ensure jupyterhub session id is set for cookie-authenticated
  requests" (handlers/base.py, `get_current_user_cookie`).
- jupyterhub/handlers/login.py, `LoginHandler.check_xsrf_cookie`: "rewrite xsrf error on login form
  for nicer message", "log the original error so admins can debug".
- jupyterhub/handlers/base.py, `set_login_cookie`: 302 after signing in.

XSRF tokens hold the second in which they were made (tornado, create_signed_value). A person fills
a form in later than that, and so does each test here.
"""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest

from hublab.scenario import Answer, Ask, Case, Credentials, LiveLab, ask, fresh_browser, until

SNIPPET = "hub.snippet"
HERE, ELSEWHERE = ("X-Real-IP", "198.19.255.8"), ("X-Real-IP", "198.19.255.9")
"""Two load balancers' words for one client; no host here has these addresses."""
BROWSER = ("User-Agent", "Browser/1.0")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
JSON = ("Content-Type", "application/json")
EXPIRED = b"Login form invalid or expired. Try again."
MISMATCH = "XSRF cookie does not match POST argument"

pytestmark = pytest.mark.topology("lab")


def token(lab: LiveLab, who: Credentials) -> str:
    """The XSRF token that the page of the hub had."""
    return who.xsrf_header(lab.origin / "hub/login").get("X-XSRFToken", "")


async def send_form(lab: LiveLab, who: Credentials, *headers: tuple[str, str]) -> Answer:
    """Sign in with the token of the page."""
    password = await lab.secret("password")
    fields = {"username": "alice", "password": password, "_xsrf": token(lab, who)}
    body = urlencode(fields).encode()
    return await ask(lab, Ask("/hub/login", "POST", (FORM, *headers), body), who)


async def next_second() -> None:
    """Until a token that is made now differs from one that was made before."""
    begun = int(time.time())

    async def passed() -> bool:
        return int(time.time()) > begun

    await until(passed, what="the next second")


@pytest.mark.issue(
    "jupyterhub#5229",
    happens=True,
    workaround="open the sign-in page anew",
)
@pytest.mark.matrix(SNIPPET, ["xsrf_by_address.py", "xsrf_without_address.py"])
@pytest.mark.issue(
    "zero-to-jupyterhub-k8s#3422",
    happens=True,
    workaround="JUPYTERHUB_XSRF_ANONYMOUS_IP_CIDRS=0.0.0.0/0 in the hub's environment",
)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/any_user_agent.py", sentence="another User-Agent always"
)
async def test_the_form_is_tied_to_the_address_of_its_page(lab: LiveLab, case: Case) -> None:
    """403 at sign-in, by a page that does not say why: another User-Agent always, another address
    unless addresses do not count.
    """
    snippet = case[SNIPPET]
    by_address = not isinstance(snippet, dict) or snippet["name"] == "xsrf_by_address.py"
    expected = {
        "same": (HERE, 302),
        "address": (ELSEWHERE, 403 if by_address else 302),
        "browser": (("User-Agent", "Browser/1.1"), 403),
    }
    seen = {}
    for name, (header, _) in expected.items():
        who = fresh_browser(lab)
        await ask(lab, Ask("/hub/login", headers=(HERE, BROWSER)), who)
        await next_second()
        headers = (header, BROWSER) if header[0] == HERE[0] else (HERE, header)
        answer = await send_form(lab, who, *headers)
        seen[name] = answer.status
        assert (EXPIRED in answer.body) == (answer.status == 403)
        assert MISMATCH.encode() not in answer.body
    assert seen == {name: status for name, (_, status) in expected.items()}
    assert (await lab.hub_log()).count(MISMATCH) == list(seen.values()).count(403)


@pytest.mark.sabotage("hub.snippet", "../changes/sessions_once.py")
@pytest.mark.issue("jupyterhub#5385", happens=False, workaround="fixed in 5.5 and 6.0")
async def test_a_lost_session_cookie_is_made_anew(lab: LiveLab) -> None:
    """Signed in, what a page writes is taken from another address and another User-Agent too. The
    session's cookie gone: the next page makes a new one, and so it is with its form.
    """
    who = fresh_browser(lab)
    await ask(lab, Ask("/hub/login", headers=(HERE,)), who)
    assert (await send_form(lab, who, HERE)).status == 302
    for sent in ((ELSEWHERE,), (HERE, ("User-Agent", "another"))):
        write = Ask("/hub/api/users/alice/tokens", "POST", (JSON, *sent), b"{}", xsrf=True)
        assert (await ask(lab, write, who)).status == 201
    who.jar.clear(lambda morsel: morsel.key == "jupyterhub-session-id")
    page = await ask(lab, Ask("/hub/home", headers=(HERE,)), who)
    assert page.status == 200
    assert "jupyterhub-session-id" in {morsel.key for morsel in who.jar}
    await next_second()
    body = urlencode({"_xsrf": token(lab, who)}).encode()
    spawn = await ask(lab, Ask("/hub/spawn", "POST", (FORM, ELSEWHERE), body), who)
    assert spawn.status == 302
    assert "/hub/spawn-pending/alice" in str(spawn.header("Location"))
