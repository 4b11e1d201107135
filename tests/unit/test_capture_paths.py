"""A captured path has no secret, whatever a client wrote into it."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hublab.capture.recording import cleaner

NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyz_-", min_size=1, max_size=12)
CANARIES = st.text(alphabet="ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=20, max_size=40)
NO_SECRETS = cleaner(())


def forms(secret: str) -> list[str]:
    """A secret as it may appear: raw, percent-encoded, base64."""
    return [
        secret,
        quote(secret, safe=""),
        quote(quote(secret, safe=""), safe=""),
        base64.b64encode(secret.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    ]


@given(NAMES, CANARIES)
def test_a_value_of_an_unknown_name_never_stays(name: str, canary: str) -> None:
    for form in forms(canary):
        path = f"/user/alice/api?x{name}={form}&limit=5"
        assert NO_SECRETS(path) == f"/user/alice/api?x{name}=[redacted]&limit=5"


@given(NAMES, CANARIES)
def test_no_value_stays_in_an_address_inside_an_address(name: str, canary: str) -> None:
    inner = f"/user/alice/lab?x{name}={canary}"
    for nested in (quote(inner, safe=""), inner):
        assert canary not in NO_SECRETS(f"/hub/login?next={nested}")
        assert canary not in NO_SECRETS(f"/hub/login?next={quote(f'/hub/login?next={nested}')}")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/hub/login?next=%2Fhub%2Fhome", "/hub/login?next=/hub/home"),
        ("/hub/api/users?limit=5&offset=2", "/hub/api/users?limit=5&offset=2"),
        ("/lab/tree?reset", "/lab/tree?reset"),
        ("/x?0123456789abcdef0123", "/x?[redacted]"),
        ("/hub/api/authorizations/token/abc123", "/hub/api/authorizations/token/[redacted]"),
        (
            "/hub/api/authorizations/cookie/jupyterhub-services/abc",
            "/hub/api/authorizations/cookie/jupyterhub-services/[redacted]",
        ),
        ("http://me:word@hub:8081/hub/", "http://hub:8081/hub/"),
        ("/user/alice/oauth_callback?code=a&state=b", "/user/alice/oauth_callback?code=[redacted]"
         "&state=[redacted]"),
        ("node1.lab, alert: Unknown CA", "node1.lab, alert: Unknown CA"),
        ("/x?QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "/x?[redacted]"),
        ("/x?limit=1;password=canary", "/x?limit=1;password=[redacted]"),
        ("/l?next=%252Fa%253Fpassword%253Dcanary", "/l?next=/a%3Fpassword%3D[redacted]"),
        ("/x?path=http://me:canary@h/", "/x?path=http://h/"),
        ("me:canary@h:443", "h:443"),
        ("//me:canary@h/", "//h/"),
        ("/l?next=/a%23access_token=canary", "/l?next=/a%23[redacted]"),
        ("/user/a@b/lab", "/user/a@b/lab"),
    ],
)  # fmt: skip
def test_names_stay_and_secrets_go(path: str, expected: str) -> None:
    assert NO_SECRETS(path) == expected


def test_a_known_secret_goes_wherever_it_stands() -> None:
    clean = cleaner({"correct-horse"})
    assert clean("/user/alice/files/correct-horse.txt") == "/user/alice/files/[redacted].txt"
