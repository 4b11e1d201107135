"""A server without its middle certificate: programs refuse it, and a browser that cannot fetch it.

Why it matters: whoever puts `cert.pem` where `fullchain.pem` belongs looks at the page in a browser
and sees nothing wrong, if the certificate says where its issuer's is. The programs of other hosts,
which are a hub's own neighbours, fetch nothing. And where a firewall keeps the browser from that
address, the page that works elsewhere is refused, after ten seconds without a page.

Sources:
- RFC 8446, 4.4.2: a server sends its chain; RFC 5280, 4.2.2.1: `id-ad-caIssuers` says where the
  certificate of an issuer is; 6.1: who has no path to a root refuses.
- OpenSSL documentation, openssl-verification-options(1): a chain is built from what is trusted and
  from what the other side has sent. Node documentation, "TLS", `NODE_EXTRA_CA_CERTS`.
- Chromium, net/cert/internal/cert_issuer_source_aia.cc: it fetches from there; policy
  `CACertificates`: roots that an administrator adds.
- Chromium, net/cert/cert_verify_proc.cc, `HasTooLongValidity`: asked of publicly known roots alone;
  CA/Browser Forum, Baseline Requirements, 6.3.2: 398 days at most, and fewer from 2026 on.
- certbot documentation, "Where are my certificates?": cert.pem and fullchain.pem.
- nginx documentation, `ssl_certificate`: with a variable it is read at each handshake.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext
from playwright.async_api import Error as PlaywrightError

from hublab.scenario import PYTHON, Case, File, LiveLab, freeze, partition

from .chain import CERTIFICATE, KEY, KEY_FILE, LEAF_ALONE, NAME, WHOLE, Signed, on_https, root

pytestmark = [
    pytest.mark.topology("lab", "browser", "nginx"),
    pytest.mark.matrix(KEY, [KEY_FILE]),
]

URL = f"https://{NAME}/hub/login"
POLICIES, POLICY = "/etc/chromium/policies/managed", "roots.json"
ROOT = "/tmp/lab_root.pem"
PAGES, AUTHORITY, CLOSED = "app", "app.lab", 81
"""The host at which an authority has its own certificate, its name, and a port without anybody."""
TAKEN, UNKNOWN = "200", "ERR_CERT_AUTHORITY_INVALID"
WAITS = 8.0
"""Seconds. Where it fetches nothing, or is refused at once, it decides within 4."""
FIVE_YEARS = 1826
TRUSTING = {"REQUESTS_CA_BUNDLE": ROOT, "NODE_EXTRA_CA_CERTS": ROOT}
ASK_REQUESTS = "import sys, requests; requests.get(sys.argv[1]).raise_for_status()"
ASK_NODE = "require('https').get(process.argv[1], () => process.exit(0))"
ASK_AIOHTTP = """\
import aiohttp, asyncio, ssl, sys

async def main(url, root):
    trusting = ssl.create_default_context(cafile=root)
    async with aiohttp.ClientSession() as session, session.get(url, ssl=trusting) as answer:
        answer.raise_for_status()

asyncio.run(main(*sys.argv[1:]))
"""
PROGRAMS = {
    "curl": ("client", ("curl", "-sS", "--cacert", ROOT, "-o", "/dev/null", URL)),
    "requests": ("hub", (PYTHON, "-c", ASK_REQUESTS, URL)),
    "aiohttp": ("hub", (PYTHON, "-c", ASK_AIOHTTP, URL, ROOT)),
    "node": ("proxy", ("node", "-e", ASK_NODE, URL)),
}
REFUSED = {
    "curl": "unable to get local issuer certificate",
    "requests": "unable to get local issuer certificate",
    "aiohttp": "unable to get local issuer certificate",
    "node": "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
}
"""What each says of it: OpenSSL's words, and the name that Node gives them."""


@pytest_asyncio.fixture(loop_scope="session")
async def known(lab: LiveLab) -> AsyncIterator[Signed]:
    """A root that Chromium knows by an administrator's policy, and programs by a file.

    Chromium takes the policy when it starts, and is started here: ask for this before `chromium`.
    """
    one = root()
    for host in {host for host, _ in PROGRAMS.values()}:
        await lab.put_files(host, "/tmp", [File(ROOT.rpartition("/")[2], one.pem())])
    policy = {"CACertificates": [base64.b64encode(one.der()).decode()]}
    await lab.put_files("browser", POLICIES, [File(POLICY, json.dumps(policy).encode())])
    await lab.programs.restart("browser")
    yield one
    await lab.run("browser", "rm", f"{POLICIES}/{POLICY}")


async def chromium_says(chromium: BrowserContext, url: str = URL) -> str:
    """The status of a page, or the error that stands in its place."""
    assert chromium.browser
    # The fixture's own context ignores certificates.
    context = await chromium.browser.new_context()
    try:
        page = await context.new_page()
        answer = await page.goto(url)
        return str(answer and answer.status)
    except PlaywrightError as error:
        return error.message.partition("net::")[2].split()[0]
    finally:
        await context.close()


async def program_says(lab: LiveLab, name: str) -> str:
    """TAKEN, or all that a program prints."""
    host, argv = PROGRAMS[name]
    done = await lab.exec(host, *argv, environment=TRUSTING)
    return done.stderr if done.exit_code else TAKEN


async def asked_for(lab: LiveLab, name: str) -> list[str]:
    """Who has asked the authority's host for a file: the first words of its log's lines."""
    return [line.split()[0] for line in (await lab.logs(PAGES)).splitlines() if f"/{name} " in line]


@pytest.mark.matrix(CERTIFICATE, [WHOLE, LEAF_ALONE])
async def test_who_fetches_what_is_missing(
    lab: LiveLab, case: Case, known: Signed, chromium: BrowserContext
) -> None:
    """Chromium does, once, if the certificate says where and somebody answers there; nobody else.

    Without that it refuses as programs do, in their words for an unknown authority.
    """
    async with on_https(lab) as site:
        for at in ("", f"http://{AUTHORITY}", f"http://{AUTHORITY}:{CLOSED}"):
            # A new authority each time, because Chromium may remember what it has fetched.
            middle = known.authority("an authority of the lab")
            file = f"{middle.certificate.serial_number}.der"
            await lab.put_files(PAGES, "/srv", [File(file, middle.der())])
            await site.put(middle.leaf(issuers=at and f"{at}/{file}"), middle)
            said = {name: await program_says(lab, name) for name in PROGRAMS}
            shown = await chromium_says(chromium)
            if case[CERTIFICATE] == WHOLE:
                assert (shown, set(said.values())) == (TAKEN, {TAKEN})
                assert await asked_for(lab, file) == []
                continue
            assert [name for name, words in REFUSED.items() if words not in said[name]] == []
            answers = at == f"http://{AUTHORITY}"
            assert shown == (TAKEN if answers else UNKNOWN)
            assert await asked_for(lab, file) == [lab.one("browser").address] * answers


@pytest.mark.slow
@pytest.mark.matrix(CERTIFICATE, [WHOLE, LEAF_ALONE])
async def test_an_authority_that_does_not_answer(
    lab: LiveLab, case: Case, known: Signed, chromium: BrowserContext
) -> None:
    """Chromium waits about ten seconds for it, and then refuses the server.

    So it does where a firewall drops what it asks, and where a host is there and says nothing.
    """
    whole = case[CERTIFICATE] == WHOLE
    async with on_https(lab) as site:
        for silent in (
            partition(lab, "browser", PAGES, seconds=90),
            freeze(lab, PAGES, seconds=90),
        ):
            middle = known.authority("an authority of the lab")
            await site.put(middle.leaf(issuers=f"http://{AUTHORITY}/silent.der"), middle)
            async with silent:
                begun = time.monotonic()
                shown = await chromium_says(chromium)
                took = time.monotonic() - begun
            assert shown == (TAKEN if whole else UNKNOWN)
            assert (took > WAITS) == (not whole)


@pytest.mark.matrix(CERTIFICATE, [WHOLE])
@pytest.mark.sabotage(CERTIFICATE, LEAF_ALONE)
async def test_how_long_a_certificate_may_last(
    lab: LiveLab, known: Signed, chromium: BrowserContext
) -> None:
    """From an administrator's root Chromium takes one for five years; one that is over it does not.

    Of a root that nobody has added it says what it says of a missing link.
    """
    middle = known.authority("an authority of the lab")
    stranger = root()
    async with on_https(lab) as site:
        for leaf, issuer, says in (
            (middle.leaf(days=FIVE_YEARS), middle, TAKEN),
            (middle.leaf(days=90, ago=91), middle, "ERR_CERT_DATE_INVALID"),
            (stranger.leaf(), stranger, UNKNOWN),
        ):
            await site.put(leaf, issuer)
            assert await chromium_says(chromium) == says
