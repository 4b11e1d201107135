"""What a request is for, by who sends it to whom: one table, each row with its source."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Purpose:
    """A kind of request: the first row that fits says what a request is for."""

    name: str
    methods: str
    """Separated by blanks; empty for any."""
    path: str
    """An expression that the whole path matches behind any prefix, without its query."""
    source: str
    """The documentation or code that says so."""
    by: str = ""
    """The role of the host that sends it; empty for any."""
    to: str = ""
    """The role of the host that gets it; empty for any."""


OURS = "hub"
NODE = "node"
PROXY = "proxy"
TABLE = (
    Purpose("spawn", "POST", r"/hub/api/users/[^/]+/servers?(/[^/]*)?", "REST API, startServer"),
    Purpose("spawn", "POST", r"/hub/spawn(/.*)?", "jupyterhub/handlers/pages.py, SpawnHandler"),
    Purpose("stop", "DELETE", r"/hub/api/users/[^/]+/servers?(/[^/]*)?", "REST API, stopServer"),
    Purpose(
        "poll",
        "GET",
        r"/hub/api/users/[^/]+/servers?(/[^/]*)?/progress",
        "jupyterhub/apihandlers/users.py, SpawnProgressAPIHandler",
    ),
    Purpose(
        "poll",
        "GET",
        r"/user/[^/]+(/[^/]+)?/api",
        "jupyterhub/user.py, _wait_up: extra_path='api'",
        by=OURS,
    ),
    Purpose(
        "version",
        "GET",
        r"/hub/api/?",
        "jupyterhub/singleuser/extension.py, check_hub_version",
        by=NODE,
    ),
    Purpose(
        "activity",
        "POST",
        r"/hub/api/users/[^/]+/activity",
        "jupyterhub/singleuser/extension.py, notify_activity",
    ),
    Purpose(
        "route",
        "POST PUT DELETE",
        r"/api/routes(/.*)?",
        "configurable-http-proxy, README, REST API",
        to=PROXY,
    ),
    Purpose(
        "routes",
        "GET",
        r"/api/routes(/.*)?",
        "configurable-http-proxy, README, REST API",
        to=PROXY,
    ),
    Purpose(
        "authorize",
        "",
        r"/hub/api/oauth2/authorize",
        "jupyterhub/apihandlers/auth.py, OAuthAuthorizeHandler",
    ),
    Purpose("callback", "GET", r".*/oauth_callback", "jupyterhub/services/auth.py, HubOAuth"),
    Purpose(
        "token",
        "POST",
        r"/hub/api/oauth2/token",
        "jupyterhub/apihandlers/auth.py, OAuthTokenHandler",
    ),
    Purpose("token", "POST", r"/hub/api/users/[^/]+/tokens", "REST API, tokens"),
    Purpose(
        "identify",
        "GET",
        r"/hub/api/user",
        "jupyterhub/services/auth.py, HubAuth.user_for_token",
    ),
    Purpose("login", "", r"/hub/(login|oauth_login|logout)", "jupyterhub/handlers/login.py"),
    Purpose("health", "", r"/hub/health", "jupyterhub/handlers/pages.py, HealthCheckHandler"),
    Purpose(
        "kernel",
        "",
        r"/user/.*/api/(kernels|sessions|terminals)(/.*)?",
        "jupyter_server, services/kernels/handlers.py, services/sessions, terminals",
    ),
    Purpose("kernel", "", r"/user/.*/terminals/websocket/.*", "jupyter_server_terminals"),
    Purpose("api", "", r"(/hub/api|/user/[^/]+(/[^/]+)?/(api|lab/api))(/.*)?", "REST APIs"),
    Purpose(
        "static",
        "GET HEAD",
        r".*/(static|_static|lab/extensions|logo|favicon\.ico|.*\.(js|css|woff2|svg|png|ico))(/.*)?",
        "jupyterhub/handlers/static.py; jupyter_server, static_url_prefix",
    ),
    Purpose("page", "", r"/(hub|user|user-redirect)(/.*)?", "jupyterhub/handlers/pages.py"),
    Purpose("page", "GET", r"/", "jupyterhub/handlers/base.py, PrefixRedirectHandler"),
)
ROWS = [(row, re.compile(rf"(?:/[^?]*?)??{row.path}")) for row in TABLE]


def purpose_of(method: str, path: str, by: Collection[str], to: Collection[str]) -> str:
    """What a request is for, by the roles of the hosts that send and get it; empty if unknown."""
    plain = path.partition("?")[0]
    for row, pattern in ROWS:
        if row.methods and method not in row.methods.split():
            continue
        if (row.by and row.by not in by) or (row.to and row.to not in to):
            continue
        if pattern.fullmatch(plain):
            return row.name
    return ""
