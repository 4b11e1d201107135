"""What is wrong with the hops that `hublab.probes.reach` tried, and what helps."""

from __future__ import annotations

from dataclasses import dataclass, replace

from yarl import URL

from hublab.addresses import LOOPBACK_NAMES
from hublab.diagnosis.governing import NGINX_SITE, governing_setting, own_answer_settings
from hublab.diagnosis.missing_routes import missing_route
from hublab.probes.hops import DATABASE_URL, OWN_HUB_URLS, Hop, Kind
from hublab.probes.reach import SILENT, Attempt, Reach, TriedHop
from hublab.probes.snapshot import Snapshot
from hublab.running.hub_address import BASE_URL

UNKNOWN = "unknown"
"""The address of a hop that nobody advertises."""
NOT_NGINX_S = (404, 502, 504)
"""What nginx answers where a proxy is down or silent, which is a hop of its own, and where its site
passes on other paths than the one that is asked for."""
EXPECTED = {Kind.PROXY_API: 403}
"""The status with which the right one answers, where that is not 200. Of a proxy's API no token is
shown, and it refuses who shows none.
"""

HUB_ANSWERS = (Kind.HUB_ROUTE, Kind.HUB_API, Kind.NEW_HUB_API)
ANY_ANSWER = (Kind.SERVICE_ROUTE, Kind.SIGN_IN_PAGE, Kind.PROVIDER)
"""A service has an API of its own, and a provider refuses what asks it for nothing."""


@dataclass(frozen=True, slots=True)
class HopDiagnosis:
    """A hop, how far it got, and whether that is as it should be."""

    source: str
    target: str
    url: str
    ok: bool
    layer: str | None
    address: str | None
    status: int | str | None
    seconds: float
    error: str | None
    """What is wrong; None where nothing is."""
    setting: str
    """Which setting governs the address, or several joined by `or`."""
    workaround: str | None = None
    """What repairs it at once, where that is known."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Error, governing setting and workaround of one hop."""

    error: str | None
    setting: str
    workaround: str | None = None


def diagnose(seen: Reach) -> list[HopDiagnosis]:
    """Judge every hop, in the same order."""
    databases = [one for one in seen.hops if one.hop.kind is Kind.DATABASE]
    broken = [one for one in databases if one.attempt and one.attempt.error]
    return [
        waiting_for(broken[0], diagnose_hop(seen.snapshot, tried))
        if broken and is_silent_hub(tried)
        else diagnose_hop(seen.snapshot, tried)
        for tried in seen.hops
    ]


def is_silent_hub(tried: TriedHop) -> bool:
    """Whether the hub took a connection, so that its address is right, and said nothing."""
    attempt = tried.attempt or Attempt()
    silent = attempt.layer == "TCP" and (attempt.error or "").startswith(SILENT)
    return silent and tried.hop.kind in HUB_ANSWERS


def waiting_for(database: TriedHop, hop: HopDiagnosis) -> HopDiagnosis:
    """A hop to a hub that waits for its database.

    It does all its queries in the one thread that answers (jupyterhub/orm.py, SQLAlchemy's
    synchronous session).
    """
    error = f"{hop.error}: the hub waits for {database.hop.target}"
    return replace(hop, error=error, setting=DATABASE_URL)


def diagnose_hop(snapshot: Snapshot, tried: TriedHop) -> HopDiagnosis:
    """Judge one hop of a deployment."""
    judgement = judge(snapshot, tried)
    attempt = tried.attempt or Attempt()
    return HopDiagnosis(
        source=tried.hop.source,
        target=tried.hop.target,
        url=tried.hop.url or UNKNOWN,
        ok=judgement.error is None,
        layer=attempt.layer,
        address=attempt.address,
        status=attempt.status,
        seconds=attempt.seconds,
        error=judgement.error,
        setting=judgement.setting,
        workaround=judgement.workaround,
    )


def judge(snapshot: Snapshot, tried: TriedHop) -> Judgement:
    """By the snapshot where the hop was not tried, else by what the attempt came to."""
    hop = tried.hop
    if hop.kind is Kind.NO_ROUTE:
        return Judgement(*missing_route(snapshot, hop))
    setting = governing_setting(snapshot, hop)
    if hop.kind is Kind.PROXY_TABLE:
        return Judgement(snapshot.routes_error, setting)
    if tried.attempt is None and hop.kind is Kind.UPSTREAM:
        return Judgement(f"nothing in nginx's site passes requests on to {hop.target}", setting)
    if tried.attempt is None:
        return Judgement(snapshot.hub.why_silent or "no address that could be tried", setting)
    return judge_attempt(snapshot, tried, tried.attempt, setting)


def judge_attempt(snapshot: Snapshot, tried: TriedHop, attempt: Attempt, setting: str) -> Judgement:
    """Somebody answers, but is it the right one?

    A wrong path is a wrong base URL, or one that was given to servers alone.
    """
    error = attempt.error
    if error and tried.hop.kind is Kind.HUB_ROUTE and snapshot.hub.why_silent:
        return Judgement(f"{error}; {snapshot.hub.why_silent}", setting)
    if error and tried.hop.kind is Kind.SERVICE_ROUTE:
        return Judgement(f"{error}{for_others(snapshot, tried.hop)}", setting)
    if error and tried.hop.kind is Kind.FRONT and snapshot.front.ended:
        log = f"hublab logs {tried.hop.target}{snapshot.name_option}"
        return Judgement(f"{error}; nginx has ended: see `{log}`", setting)
    if tried.hop.kind in ANY_ANSWER:
        return Judgement(error, setting)
    if not error and tried.hop.kind is Kind.FRONT:
        return judge_front(snapshot, attempt, setting)
    expected = EXPECTED.get(tried.hop.kind, 200)
    if error or attempt.layer != "HTTP" or attempt.status == expected:
        return Judgement(error, setting)
    error = f"answered {attempt.status} and not {expected}: something else is there"
    own = setting in OWN_HUB_URLS or tried.hop.kind is Kind.UPSTREAM
    return Judgement(error, setting if own else BASE_URL)


def judge_front(snapshot: Snapshot, attempt: Attempt, setting: str) -> Judgement:
    """An answer through nginx, which may be one of its own: a refusal, or a page of its own.

    A redirect may be that from HTTP to HTTPS, which a site offers besides.
    """
    own = own_answer_settings(snapshot.settings)
    status = attempt.status if isinstance(attempt.status, int) else 0
    if attempt.layer != "HTTP" or status < 400 or (status in NOT_NGINX_S and not own):
        return Judgement(None, setting)
    return Judgement(f"nginx answered {status} itself", own or NGINX_SITE)


def for_others(snapshot: Snapshot, hop: Hop) -> str:
    """What is wrong with a loopback address that another host is to use; else nothing."""
    host, hosts = URL(hop.url).host if hop.url else None, snapshot.hosts
    elsewhere = host in LOOPBACK_NAMES and hosts.proxy != hosts.hub
    return f" ({host} is the host {hosts.proxy} itself, not {hosts.hub})" if elsewhere else ""
