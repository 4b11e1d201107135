"""The hops of a reverse proxy, which its site names, and which of them is broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_snapshot import RUNS, diagnosed, snapshot_of

from hublab.diagnosis.reach import diagnose
from hublab.probes.hops import Hop, Kind, planned_hops
from hublab.probes.reach import Attempt, Reach, TriedHop
from hublab.probes.snapshot import Front, Snapshot
from hublab.running.nginx_site import Site, site_of
from hublab.settings.values import Settings


def behind_nginx(site: str | None, *, ended: bool = False) -> Snapshot:
    """A lab with nginx in front, which started last with this site."""
    front = Front(None if site is None else site_of(site), ended)
    snapshot = snapshot_of(RUNS, front=front)
    return replace(snapshot, hosts=replace(snapshot.hosts, front="nginx"))


def front_hops(snapshot: Snapshot) -> list[Hop]:
    kinds = (Kind.FRONT, Kind.UPSTREAM)
    return [hop for hop in planned_hops(snapshot) if hop.kind in kinds]


def at_nginx(url: str) -> Hop:
    return Hop(Kind.FRONT, "client", "nginx", f"{url}/_chp_healthz")


def to_proxy(url: str) -> Hop:
    return Hop(Kind.UPSTREAM, "nginx", "proxy", f"{url}/_chp_healthz")


BY_VARIABLE = "set $p http://proxy:8000; proxy_pass $p;"


@pytest.mark.parametrize(
    ("site", "hops"),
    [
        (
            f"server {{ listen 80; listen 443 ssl; location / {{ {BY_VARIABLE} }} }}",
            [at_nginx("http://nginx"), at_nginx("https://nginx"), to_proxy("http://proxy:8000")],
        ),
        (  # what only says where else to go is not the hub's
            "server { listen 80; return 301 https://$host$request_uri; }\n"
            "server { listen *:8443 ssl # not 80;\n; location / { proxy_pass 'http://a:1/'; } }",
            [at_nginx("https://nginx:8443"), to_proxy("http://a:1")],
        ),
        (
            "upstream both { server a:1 max_fails=1; server b:2; }\n"
            "server { listen [::]:81; listen unix:/x; location / { proxy_pass http://both/x; } }",
            [at_nginx("http://nginx:81"), to_proxy("http://a:1"), to_proxy("http://b:2")],
        ),
        (
            'server { set $port "8000"; proxy_pass http://proxy:${port}$request_uri; }',
            [at_nginx("http://nginx"), to_proxy("http://proxy:8000")],
        ),
        (None, [at_nginx("http://nginx")]),  # of other software than nginx
        (
            "server { listen 80; } }",
            [at_nginx("http://nginx"), Hop(Kind.UPSTREAM, "nginx", "proxy", None)],
        ),
    ],
)
def test_the_hops_of_a_reverse_proxy_are_those_of_its_site(
    site: str | None, hops: list[Hop]
) -> None:
    """Source: nginx's documentation, `listen`, `proxy_pass`, `upstream`."""
    assert front_hops(behind_nginx(site)) == hops


BOTH_FINE = [(None, "nginx.listen"), (None, "nginx.proxy_pass")]


def test_the_upstream_of_the_labs_own_site() -> None:
    site = (Path(__file__).parents[2] / "compose/etc/reverse-proxy/site.conf").read_text()
    assert site_of(site) == Site((("http", 80),), ("http://proxy:8000",))


@pytest.mark.parametrize(
    ("attempts", "ended", "found"),
    [
        # nginx answers for a proxy that is down, so each of both is tried on its own.
        (
            [Attempt("HTTP", status=502), Attempt("DNS", error="refused")],
            False,
            [(None, "nginx.listen"), ("refused", "nginx.proxy_pass")],
        ),
        (
            [Attempt("HTTP", status=404), Attempt("HTTP", status=404)],
            False,
            [
                (None, "nginx.listen"),
                ("answered 404 and not 200: something else is there", "nginx.proxy_pass"),
            ],
        ),
        (
            [Attempt("HTTP", status=403), Attempt("HTTP", status=200)],
            False,
            [("nginx answered 403 itself", "nginx's site"), (None, "nginx.proxy_pass")],
        ),
        # A site may pass on a prefix alone, and redirect to HTTPS.
        ([Attempt("HTTP", status=404), Attempt("HTTP", status=200)], False, BOTH_FINE),
        ([Attempt("HTTP", status=301), Attempt("HTTP", status=200)], False, BOTH_FINE),
        (
            [Attempt("DNS", error="refused"), Attempt("HTTP", status=200)],
            True,
            [
                (
                    "refused; nginx has ended: see `hublab logs nginx --name small`",
                    "nginx.listen",
                ),
                (None, "nginx.proxy_pass"),
            ],
        ),
    ],
)
def test_which_of_the_hops_of_a_reverse_proxy_is_broken(
    attempts: list[Attempt], ended: bool, found: list[tuple[str | None, str]]
) -> None:
    site = f"server {{ listen 80; {BY_VARIABLE} }}"
    snapshot = behind_nginx(site, ended=ended)
    tried = [TriedHop(*pair) for pair in zip(front_hops(snapshot), attempts, strict=True)]
    judged = diagnose(Reach(snapshot, tuple(tried)))
    assert [(one.error, one.setting) for one in judged] == found


@pytest.mark.parametrize(
    ("key", "status"), [("nginx.return", 404), ("nginx.deny", 403), ("nginx.auth_basic", 401)]
)
def test_a_setting_with_which_nginx_answers_itself(key: str, status: int) -> None:
    """Source: nginx's documentation, `return`, `deny`, `auth_basic`."""
    snapshot = replace(
        behind_nginx(f"server {{ listen 80; {BY_VARIABLE} }}"), settings=Settings({key: "x"})
    )
    tried = TriedHop(front_hops(snapshot)[0], Attempt("HTTP", status=status))
    (found,) = diagnose(Reach(snapshot, (tried,)))
    assert (found.error, found.setting) == (f"nginx answered {status} itself", key)


def test_a_site_that_passes_nothing_on() -> None:
    hop = diagnosed(behind_nginx("server { listen 80; return 404; }"))["nginx", "proxy"]
    assert hop.error == "nothing in nginx's site passes requests on to proxy"
