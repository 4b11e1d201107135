"""What `jupyterhub-singleuser` adds to a Jupyter server: sign-in by the hub, and a dozen settings.

Why it matters: it is the program that stands on every node. Who writes an extension, a proxy rule
or an image must know which of a server's answers are Jupyter's and which are JupyterHub's, and
which settings of theirs a hub overrides.

Sources:
- JupyterHub documentation, "The JupyterHub single-user server": it "launches jupyter-server, the
  same program used when you run jupyter lab", and customizes "(approximately) one thing:
  authenticate requests with JupyterHub".
- jupyterhub 6.1.1, singleuser/extension.py, `JupyterHubSingleUser` and
  `JupyterHubIdentityProvider`; services/auth.py, `HubOAuth`; spawner.py, `get_env`. Each row of the
  table below names its function.
- jupyter_server 2.21, serverapp.py and auth/identity.py: the defaults of a plain server.

Both run on one node as one user with one configuration, which has them write down their handlers,
settings, tasks and names of environment variables; replies are compared from the client host. The
whole comparison is in the journal (`singleuser_adds`); the table has what is documented.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from yarl import URL

from hublab.scenario import LiveLab, Observed, until

PORT = 8888
VERSION = "6.1.1"
EXTENSION = "jupyterhub.singleuser.extension"
PLAIN = (
    "cd; exec setsid env -i PATH=/opt/jupyter/bin:/usr/bin:/bin HOME=/home/alice USER=alice "
    f"jupyter lab --no-browser --ip=0.0.0.0 --port={PORT} --IdentityProvider.token=$1 "
    ">plain.log 2>&1 </dev/null &"
)

pytestmark = [pytest.mark.topology("lab"), pytest.mark.matrix("server.snippet", ["introspect.py"])]


class Difference(NamedTuple):
    """One difference: a plain server has the one value, a hub's server the other."""

    what: str
    plain: Any
    hub: Any
    source: str


CONFIG = "extension.py, load_config_file"
GET_HANDLERS = "extension.py, JupyterHubIdentityProvider.get_handlers"
INITIALIZE = "extension.py, JupyterHubSingleUser.initialize"
TABLE = [
    Difference(
        "handlers /oauth_callback",
        None,
        f"{EXTENSION}.JupyterHubOAuthCallbackHandler",
        GET_HANDLERS,
    ),
    Difference("handlers /login", "jupyter_server.auth.login.LoginFormHandler", None, GET_HANDLERS),
    Difference(
        "handlers /logout",
        "jupyter_server.auth.logout.LogoutHandler",
        f"{EXTENSION}.JupyterHubLogoutHandler",
        GET_HANDLERS,
    ),
    Difference(
        "traits identity_provider_class",
        "jupyter_server.auth.identity.PasswordIdentityProvider",
        f"{EXTENSION}.JupyterHubIdentityProvider",
        CONFIG,
    ),
    Difference("traits trust_xheaders", False, True, CONFIG),
    Difference("traits quit_button", True, False, CONFIG),
    Difference("traits port_retries", 50, 0, CONFIG),
    Difference("traits answer_yes", False, True, CONFIG),
    Difference("delete_to_trash", True, False, CONFIG),
    Difference("traits base_url", "/", "/user/alice/", f"{CONFIG}: JUPYTERHUB_SERVICE_PREFIX"),
    Difference("settings xsrf_cookies", True, False, INITIALIZE),
    Difference(
        "settings log_function",
        "jupyter_server.log.log_request",
        "jupyterhub.log.log_request",
        INITIALIZE,
    ),
    Difference(
        "settings page_config_hook",
        None,
        f"{EXTENSION}.JupyterHubIdentityProvider.page_config_hook",
        INITIALIZE,
    ),
    Difference("settings headers X-JupyterHub-Version", None, VERSION, INITIALIZE),
    Difference(
        "settings headers Content-Security-Policy", None, "frame-ancestors 'none'", INITIALIZE
    ),
    Difference("task keep_activity_updated", False, True, f"{INITIALIZE}: _start_activity"),
    Difference("extension jupyterhub", False, True, "extension.py, JupyterHubSingleUser.name"),
    Difference("reply X-JupyterHub-Version", None, VERSION, INITIALIZE),
    Difference(
        "reply frame-ancestors",
        "'self'",
        "'none'",
        f"{INITIALIZE}; jupyter_server, content_security_policy",
    ),
    Difference(
        "anonymous page leads to",
        "/login",
        "/hub/api/oauth2/authorize",
        "services/auth.py, HubOAuth.login_url",
    ),
    Difference(
        "anonymous page sets",
        [],
        ["jupyterhub-user-alice-oauth-state"],
        "services/auth.py, set_state_cookie",
    ),
]
ENVIRONMENT = {
    *(
        "API_TOKEN",
        "API_URL",
        "ACTIVITY_URL",
        "BASE_URL",
        "CLIENT_ID",
        "HOST",
        "SERVER_NAME",
        "USER",
    ),
    *("SERVICE_PREFIX", "SERVICE_URL", "OAUTH_CALLBACK_URL", "OAUTH_ACCESS_SCOPES"),
    *("OAUTH_CLIENT_ALLOWED_SCOPES", "PUBLIC_URL", "PUBLIC_HUB_URL"),
}
"""spawner.py, `get_env`: without the prefix JUPYTERHUB_."""


async def introspection(lab: LiveLab, kind: str) -> dict[str, Any]:
    """What a server on node1 wrote of itself after all of its start was done."""

    async def read(least: int) -> dict[str, Any] | None:
        path = f"/home/alice/introspection-{kind}.json"
        raw = await lab.read_file("node1", path)
        found: dict[str, Any] = json.loads(raw) if raw else {"rounds": 0}
        return found if found["rounds"] >= least else None

    first = await until(lambda: read(1), what=f"the {kind} server's introspection")
    assert first is not None
    later = await until(lambda: read(first["rounds"] + 2), what="a later one")
    assert later is not None
    return later


async def replies(lab: LiveLab, base: URL) -> dict[str, Any]:
    """What an anonymous visitor is answered for the API and for the page."""
    async with lab.channel.session() as session:
        async with session.get(base / "api") as answer:
            headers = answer.headers
        async with session.get(base / "lab", allow_redirects=False) as page:
            location, cookies = URL(page.headers.get("Location", "")), page.cookies
    policy = headers.get("Content-Security-Policy", "")
    ancestors = [part.split()[1] for part in policy.split(";") if "frame-ancestors" in part]
    return {
        "reply X-JupyterHub-Version": headers.get("X-JupyterHub-Version"),
        "reply frame-ancestors": ancestors[0] if ancestors else None,
        "anonymous page leads to": location.path,
        "anonymous page sets": sorted(cookies),
    }


def flat(data: dict[str, Any], replied: dict[str, Any]) -> dict[str, Any]:
    """Both observations with one name for each fact."""
    facts = {f"handlers {path}": handler for path, handler in data["handlers"].items()}
    headers = data["settings"].pop("headers") or {}
    facts |= {f"settings headers {name}": value for name, value in headers.items()}
    facts |= {f"settings {name}": value for name, value in data["settings"].items()}
    facts |= {f"traits {name}": value for name, value in data["traits"].items()}
    facts |= {f"task {name.rpartition('.')[2]}": True for name in data["tasks"]}
    facts |= {f"extension {name}": True for name in data["extensions"]}
    facts |= {f"environment {name}": True for name in data["environment"]}
    return {**facts, "delete_to_trash": data["delete_to_trash"], **replied}


@pytest.mark.finding(
    "JupyterHubAuthorizer is never used: every single-user server has AllowAllAuthorizer",
    project="jupyterhub",
    steps="Start a server by jupyterhub-singleuser 6.1.1 and look at "
    "serverapp.web_app.settings['authorizer'].",
    expected='JupyterHubAuthorizer: "This Extension implements both [IdentityProvider and '
    'Authorizer] for resolving permissions with JupyterHub scopes" (singleuser/extension.py, also '
    "on the documentation's page of the API).",
    seen="jupyter_server's AllowAllAuthorizer: load_config_file sets identity_provider_class and "
    "not authorizer_class. The check by scope is made by the identity provider alone.",
)
@pytest.mark.sabotage("hub.Spawner.cmd", ["/opt/jupyter/bin/jupyter-lab"])
async def test_differences_are_the_documented_ones(lab: LiveLab) -> None:
    """The table holds, and nothing of a plain server is lost but its login page."""
    server = await lab.spawn("alice", on="node1")
    await lab.run("node1", "sh", "-c", PLAIN, "-", "a-token-of-no-use-elsewhere", user="alice")
    hub, plain = [await introspection(lab, kind) for kind in ("hub", "plain")]
    node = lab.host("node1").address
    own = URL(f"http://{node}:{server.port}/user/alice")
    ours = flat(hub, await replies(lab, own))
    theirs = flat(plain, await replies(lab, URL(f"http://{node}:{PORT}")))

    differ = {
        name: [theirs.get(name), ours.get(name)]
        for name in sorted({*ours, *theirs})
        if theirs.get(name) != ours.get(name)
    }
    lab.record(Observed("singleuser_adds", {"plain and single-user": differ}))

    for row in TABLE:
        absent = False if row.plain is False else None
        seen = (theirs.get(row.what, absent), ours.get(row.what))
        assert seen == (row.plain, row.hub), (row.what, row.source)
    assert {f"JUPYTERHUB_{name}" for name in ENVIRONMENT} <= set(hub["environment"])
    assert plain["environment"] == []
    assert set(plain["handlers"]) - set(hub["handlers"]) == {"/login"}
    assert hub["settings"]["authorizer"].endswith("AllowAllAuthorizer")
