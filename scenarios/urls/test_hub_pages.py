"""Every page of the hub, for nobody, a user and an admin, below any `base_url`.

Why it matters: the hub is reached through a proxy on another host, and health checks, monitors
and reverse proxies ask it in their own way. Which URL answers whom with what is the contract
that they stand on: HEAD is refused where GET is not, a slash too many is another page, and one
address is for them all: /hub/health.

Sources:
- JupyterHub documentation, "JupyterHub URL scheme" (reference/urls.md): "all URLs can be prefixed
  with c.JupyterHub.base_url"; "all requests to /anything that do not start with /hub/ but are
  routed to the Hub, will be redirected to /hub/anything"; each page's own section.
- jupyterhub/handlers/pages.py, login.py, metrics.py and base.py, `default_handlers`, and app.py,
  `init_handlers`, for paths; tornado/web.py: a method that a handler does not define is 405.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hublab.scenario import Case, Credentials, LiveLab, UrlRow, wrong_rows

BASE = "hub.JupyterHub.base_url"

pytestmark = pytest.mark.topology("lab")

PREFIX = "urls.md, /; handlers/base.py, PrefixRedirectHandler"
SLASH = "app.py, init_handlers: AddSlashHandler"
LOGIN = "urls.md: all authenticated handlers redirect to /hub/login"
ROOT = "urls.md, /hub/: /hub/spawn if the user's server is not running"
ROUTES = "handlers/pages.py, default_handlers: paths without a slash at the end"
ADMIN = "handlers/pages.py, AdminHandler: needs_scope('admin-ui')"
SPAWN = "handlers/pages.py, SpawnHandler: 404 without the scope, or without such a user"
NAME = "slugs.py, is_valid_safe_slug, by _check_named_server_request"
SHARE = "handlers/pages.py, AcceptShareHandler: a code is needed, and must be known"
LOGOUT = "handlers/login.py, LogoutHandler: on to the form, signed in or not"
SIGNED_IN = "handlers/login.py, LoginHandler.get: on to get_next_url"
ERROR = "handlers/pages.py, ProxyErrorHandler: 200, for the proxy sets the status itself"
HEALTH = "handlers/pages.py, HealthCheckHandler: GET or HEAD"
METRICS = "docs, monitoring: authenticate_prometheus, read:metrics"
METHOD = "tornado/web.py, RequestHandler._unimplemented_method: 405"
XSRF = "_xsrf_utils.py, check_xsrf_cookie: before the method is looked for"
REDIRECT = "urls.md, /user-redirect/"
STATIC = "handlers/static.py; tornado/web.py, StaticFileHandler: a folder is 403"

PAGES = [
    UrlRow("nobody", "GET /", "302 /hub/ > login", PREFIX),
    UrlRow("bob", "GET /", "302 /hub/", PREFIX, follow=False),
    UrlRow("nobody", "GET /nosuch", "hub > 404 html", PREFIX),
    UrlRow("nobody", "GET /services/x", "301 /services/x/ > hub > 404 html", SLASH),
    UrlRow("nobody", "GET /user", "hub > 404 html", PREFIX),
    UrlRow("nobody", "GET /hub", "301 /hub/ > login", SLASH),
    UrlRow("bob", "GET /hub/", "302 /hub/spawn", ROOT, follow=False),
    UrlRow("nobody", "GET /hub/nosuch", "404 html", ROUTES),
    UrlRow("nobody", "GET /hub/home", "login", LOGIN),
    UrlRow("bob", "GET /hub/home", "200 html", "urls.md, /hub/home"),
    UrlRow("bob", "GET /hub/home/", "404 html", ROUTES),
    UrlRow("nobody", "GET /hub/token", "login", LOGIN),
    UrlRow("bob", "GET /hub/token", "200 html", "urls.md, /hub/token"),
    UrlRow("nobody", "GET /hub/admin", "login", LOGIN),
    UrlRow("bob", "GET /hub/admin", "403 html", ADMIN),
    UrlRow("admin", "GET /hub/admin", "200 html", ADMIN),
    UrlRow("nobody", "GET /hub/spawn", "login", LOGIN),
    UrlRow("nobody", "GET /hub/spawn/bob", "login", LOGIN),
    UrlRow("bob", "GET /hub/spawn/alice", "404 html", SPAWN),
    UrlRow("admin", "GET /hub/spawn/ghost", "404 html", SPAWN),
    UrlRow("bob", "GET /hub/spawn/bob/Bad_Name", "400 html", NAME),
    UrlRow("nobody", "GET /hub/spawn-pending/bob", "login", LOGIN),
    UrlRow("nobody", "GET /hub/accept-share?code=x", "login", LOGIN),
    UrlRow("bob", "GET /hub/accept-share?code=x", "404 html", SHARE),
    UrlRow("bob", "GET /hub/accept-share", "400 html", SHARE),
    UrlRow("nobody", "GET /hub/login", "200 html", "urls.md, /hub/login"),
    UrlRow("bob", "GET /hub/login", "302 /hub/spawn", SIGNED_IN, follow=False),
    UrlRow("nobody", "GET /hub/login/", "404 html", ROUTES),
    UrlRow("nobody", "GET /hub/logout", "302 /hub/login > 200 html", LOGOUT),
    UrlRow("dave", "GET /hub/logout", "302 /hub/login > 200 html", LOGOUT),
    UrlRow("nobody", "GET /user-redirect/lab", "hub > login", REDIRECT),
    UrlRow("nobody", "GET /user-redirect", "hub > 404 html", "base.py: '/user-redirect/(.*)?'"),
    UrlRow("nobody", "GET /hub/error/404", "200 html", ERROR),
    UrlRow("nobody", "GET /hub/error/503", "200 html", ERROR),
    UrlRow("nobody", "GET /hub/error/x", "404 html", ERROR),
    UrlRow("nobody", "GET /hub/health", "200 empty", HEALTH),
    UrlRow("nobody", "HEAD /hub/health", "200 empty", HEALTH),
    UrlRow("nobody", "GET /hub/api/health", "200 empty", HEALTH),
    UrlRow("nobody", "GET /hub/health/", "404 html", HEALTH),
    UrlRow("nobody", "GET /hub/metrics", "403 html", METRICS),
    UrlRow("bob", "GET /hub/metrics", "403 html", METRICS),
    UrlRow("admin", "GET /hub/metrics", "200 text", METRICS),
    UrlRow("nobody", "GET /hub/logo", "200 image/png", STATIC),
    UrlRow("nobody", "GET /hub/static/", "403 html", STATIC),
    UrlRow("nobody", "HEAD /", "405 empty", METHOD),
    UrlRow("nobody", "HEAD /hub/login", "405 empty", METHOD),
    UrlRow("nobody", "OPTIONS /hub/login", "405 html", METHOD),
    UrlRow("nobody", "GET /hub/security/csp-report", "405 html", METHOD),
    UrlRow("nobody", "POST /", "403 html", XSRF),
    UrlRow("nobody", "POST /hub/login", "403 html", XSRF),
]
OUTSIDE = [
    # With a prefix, what is not below it has no route: the proxy answers by itself.
    UrlRow(
        "nobody", "GET /jh", "302 /jh/hub/ > 302 /jh/hub/login?next=/jh/hub/ > 200 html", PREFIX
    ),
    UrlRow("nobody", "GET /", "404 PAGE", "configproxy.js, handleProxy: no match is 404"),
    UrlRow("nobody", "GET /hub/login", "404 PAGE", "configproxy.js, handleProxy: no match is 404"),
    UrlRow("nobody", "GET /_chp_healthz", "200 json", "configproxy.js, handleHealthCheck"),
]


@pytest.mark.matrix(BASE, ["/", "/jh/"])
async def test_each_page_answers_as_documented(
    lab: LiveLab, case: Case, people: Mapping[str, Credentials]
) -> None:
    """The whole table: its paths get the prefix, and so do all places to which they lead."""
    wrong = await wrong_rows(lab, PAGES, people, base=str(case[BASE]))
    assert not wrong, "\n".join(wrong)


@pytest.mark.matrix(BASE, ["/jh/"])
@pytest.mark.matrix(
    "proxy.error-target", ["http://hub:8081/hub/error", "http://hub:8081/jh/hub/error"]
)
async def test_the_proxys_error_pages_need_the_prefix_too(
    lab: LiveLab, case: Case, people: Mapping[str, Credentials]
) -> None:
    """A proxy that runs by itself must be told the prefix too, or its error pages are empty.

    The hub tells a proxy that it starts itself (proxy.py, `start`: `url_path_join(hub.url,
    'error')`). Asked outside of its prefix it redirects, and the proxy passes on the body alone
    (configproxy.js, `handleProxyError`), of which a redirect has none.
    """
    page = "html" if "/jh/" in str(case["proxy.error-target"]) else "empty"
    wrong = await wrong_rows(lab, OUTSIDE, people, values={"PAGE": page})
    assert not wrong, "\n".join(wrong)
