"""What jupyter_server under JupyterHub promises to a request for its API, row by row.

Versions: jupyter_server 2.21, jupyterhub 6.1, tornado 6.6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hublab.scenario import (
    COOKIE,
    NO_CREDENTIALS,
    TOKEN,
    Asking,
    Case,
    CorsAccess,
    DecisionRow,
    always,
    anything,
    decide,
    row_for,
)

HANDLERS = "jupyter_server/base/handlers.py"
AUTH = "jupyterhub/services/auth.py"
XSRF = "jupyterhub/_xsrf_utils.py, _needs_check_xsrf"
OK, FORBIDDEN, NOT_FOUND = 200, 403, 404
HEADER = "Access-Control-Allow-Origin"


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of a server that concern other origins."""

    allow_origin: str = ""
    pattern: str = ""
    credentials: bool = False
    no_xsrf: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def admits(self, origin: str) -> bool:
        """What check_origin finds: the origin in lower case is the one, or matches."""
        if self.allow_origin:
            return self.allow_origin in ("*", origin.lower())
        return bool(self.pattern and re.fullmatch(self.pattern, origin.lower()))

    def names(self, origin: str) -> bool:
        """Whether a setting or a header by hand allows this origin to read an answer."""
        return self.admits(origin) or self.headers.get(HEADER) in ("*", origin)

    @property
    def silent(self) -> bool:
        """No setting and no header by hand says anything of other origins."""
        return not (self.allow_origin or self.pattern or HEADER in self.headers)


def policy_of(case: Case) -> Policy:
    """The settings of a case; what it does not name has its default."""
    tornado = case.get("server.ServerApp.tornado_settings")
    headers = tornado.get("headers", {}) if isinstance(tornado, dict) else {}
    return Policy(
        str(case.get("server.ServerApp.allow_origin", "")),
        str(case.get("server.ServerApp.allow_origin_pat", "")),
        str(case.get("server.ServerApp.allow_credentials", False)).lower() == "true",
        str(case.get("server.ServerApp.disable_check_xsrf", False)).lower() == "true",
        headers,
    )


@dataclass(frozen=True, slots=True)
class Situation:
    """One request to a server with a policy, which it calls by `host`."""

    asking: Asking
    policy: Policy
    host: str

    @property
    def own(self) -> bool:
        """No origin at all (a script), or the server's own: the port counts, the scheme not."""
        origin = self.asking.origin
        return not origin or urlsplit(origin.lower()).netloc == self.host

    @property
    def writes_unproved(self) -> bool:
        """It changes something where an XSRF token is asked for."""
        return not self.asking.reads and needs_xsrf(self.asking) and not self.policy.no_xsrf


def needs_xsrf(asking: Asking) -> bool:
    """Whether a cookie counts with an XSRF token only (`_needs_check_xsrf`)."""
    if asking.mode in ("", "navigate"):
        return not asking.reads
    return not (asking.mode == "no-cors" and asking.site == "same-origin" and asking.reads)


STATUS: tuple[DecisionRow[Situation, int], ...] = (
    DecisionRow(
        "a preflight is asked nothing",
        lambda s: s.asking.preflight,
        always(OK),
        f"{HANDLERS}, APIHandler.options is @allow_unauthenticated; skip_check_origin",
    ),
    DecisionRow(
        "a token needs neither origin nor XSRF token",
        lambda s: s.asking.credential == TOKEN,
        always(OK),
        f"{HANDLERS}, skip_check_origin; {AUTH}, HubOAuth.check_xsrf_cookie",
    ),
    DecisionRow(
        "what writes without an XSRF token is refused before all else",
        lambda s: s.asking.credential in (NO_CREDENTIALS, COOKIE) and s.writes_unproved,
        always(FORBIDDEN),
        f"{HANDLERS}, JupyterHandler.prepare, check_xsrf_cookie; {XSRF}",
    ),
    DecisionRow(
        "an origin that is neither the server's own nor allowed, whoever asks",
        lambda s: not (s.own or s.policy.admits(s.asking.origin)),
        always(NOT_FOUND),
        f"{HANDLERS}, APIHandler.prepare, check_origin: HTTPError(404); its 'OK if origin matches "
        "host'; utils.py, origin_matches_pat: the whole origin must match",
    ),
    DecisionRow(
        "nobody, once the origin is right",
        lambda s: s.asking.credential == NO_CREDENTIALS,
        always(FORBIDDEN),
        f"{HANDLERS}, @web.authenticated on the method, APIHandler.get_login_url: HTTPError(403)",
    ),
    DecisionRow(
        "a cookie without the XSRF token does not count",
        lambda s: s.asking.credential == COOKIE and needs_xsrf(s.asking) and not s.policy.no_xsrf,
        always(FORBIDDEN),
        f"{AUTH}, HubOAuth._get_user_cookie; {XSRF}",
    ),
    DecisionRow(
        "the user, from a page that may",
        anything,
        always(OK),
        f"{AUTH}, HubOAuth._get_user_cookie",
    ),
)


def by_header(s: Situation) -> str | None:
    """The header that tornado_settings puts on every answer."""
    return s.policy.headers.get(HEADER)


def matched(s: Situation) -> str | None:
    """The origin itself where it matches the pattern, as it was sent."""
    origin = s.asking.origin
    return origin if origin and re.fullmatch(s.policy.pattern, origin) else by_header(s)


ALLOWED: tuple[DecisionRow[Situation, str | None], ...] = (
    DecisionRow(
        "a refusal has lost what prepare() set",
        lambda s: decide(STATUS, s) != OK,
        by_header,
        f"tornado/web.py, send_error: self.clear(); {HANDLERS}, set_cors_headers, is in prepare()",
    ),
    DecisionRow(
        "a preflight for Authorization from an origin that the settings allow is told its origin",
        lambda s: "authorization" in s.asking.requested and s.policy.names(s.asking.origin),
        lambda s: s.asking.origin,
        f"{HANDLERS}, APIHandler.options, last condition",
    ),
    DecisionRow(
        "allow_origin as it stands in the configuration",
        lambda s: bool(s.policy.allow_origin),
        lambda s: s.policy.allow_origin,
        f"{HANDLERS}, set_cors_headers, first branch",
    ),
    DecisionRow(
        "the origin that matches allow_origin_pat",
        lambda s: bool(s.policy.pattern),
        matched,
        f"{HANDLERS}, set_cors_headers, second branch",
    ),
    DecisionRow(
        "a token allows the origin it comes from",
        lambda s: s.asking.credential == TOKEN and by_header(s) is None,
        lambda s: s.asking.origin,
        f"{HANDLERS}, set_cors_headers: 'allow token-authenticated requests cross-origin by "
        "default'",
    ),
    DecisionRow("none", anything, by_header, f"{HANDLERS}, set_cors_headers"),
)


def expected(s: Situation) -> CorsAccess:
    """Status and headers of the answer."""
    status = decide(STATUS, s)
    cookies = "true" if status == OK and s.policy.credentials else None
    return CorsAccess(status, decide(ALLOWED, s), cookies)


def reasons(s: Situation) -> list[str]:
    """The rows that say so."""
    return [str(row_for(STATUS, s)), str(row_for(ALLOWED, s))]
