"""nginx speaks https for a time, with a certificate of its own; and a page of the same site there.

The overlay nginx.yaml is the hub's front. Chromium's contexts in scenarios hold no certificate
against anybody: what https changes for cookies and headers is asked here, not whom to trust.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import AsyncIterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hublab.scenario import ETC, File, LiveLab, changed_site

NAME = "www.hub.lab"
HTTPS = f"https://{NAME}"
HTTPS_SAME_SITE = f"https://{NAME}:8443"
"""A page of the hub's site by https, and of another origin: a port does not make a site."""
CERTIFICATE = f"ssl_certificate {ETC}/site.pem; ssl_certificate_key {ETC}/site.key;"
PAGE = (
    f"server {{ listen 8443 ssl; {CERTIFICATE} default_type text/html; "
    "location / { return 200 '<!doctype html><title>elsewhere</title><body>'; } }\n"
)


@contextlib.asynccontextmanager
async def over_https(lab: LiveLab, *changes: tuple[str, str]) -> AsyncIterator[None]:
    """The hub is also at HTTPS, a page at HTTPS_SAME_SITE; `changes` as for changed_site."""
    host = lab.one("reverse-proxy")
    await lab.put_files(host.service, ETC, certificate())
    listen = ("  listen 80;\n", f"  listen 80;\n  listen 443 ssl; {CERTIFICATE}\n")
    page = ("# JupyterHub behind nginx.", PAGE + "# JupyterHub behind nginx.")
    async with changed_site(lab, listen, page, *changes):
        yield


def certificate() -> list[File]:
    """A key and a certificate that it signed itself, for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return [File("site.pem", signed.public_bytes(pem)), File("site.key", secret, mode=0o600)]
