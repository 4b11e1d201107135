"""A root, an authority below it, and a certificate that nginx shows, alone or with its issuer's."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from hublab.scenario import File, LiveLab, changed_site

NAME = "www.hub.lab"
FOLDER = f"/tmp/{NAME}"
"""On nginx's host: the files of a certificate, by the names that certbot gives them."""
CERTIFICATE, KEY = "nginx.ssl_certificate", "nginx.ssl_certificate_key"
# With a variable nginx reads them at each handshake, and they need not be there when it starts.
WHOLE, LEAF_ALONE, KEY_FILE = (
    f"/tmp/$ssl_server_name/{name}.pem" for name in ("fullchain", "cert", "privkey")
)
LISTEN = ("  listen 80;\n", "  listen 80;\n  listen 443 ssl;\n")
WWW_DATA = 33
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
HOUR = datetime.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate with its key. An authority's signs others."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def authority(self, name: str) -> Signed:
        """An authority below this one, as long as the root."""
        return signed(name, self, authority=True)

    def leaf(self, *, days: int = 90, ago: int = 0, issuers: str = "") -> Signed:
        """A certificate of NAME, for `days` from `ago` days before an hour ago.

        At `issuers` it says that the certificate of this authority is found.
        """
        return signed(NAME, self, days=days, ago=ago, issuers=issuers)

    def pem(self) -> bytes:
        return self.certificate.public_bytes(PEM)

    def der(self) -> bytes:
        return self.certificate.public_bytes(DER)

    def secret(self) -> bytes:
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(PEM, form, serialization.NoEncryption())


def root() -> Signed:
    """An authority that signed itself, for ten years."""
    return signed("a root of the lab", None, authority=True)


def signed(
    name: str,
    by: Signed | None,
    *,
    authority: bool = False,
    days: int = 3650,
    ago: int = 0,
    issuers: str = "",
) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.datetime.now(datetime.UTC) - HOUR - datetime.timedelta(days=ago)
    issuer = by.certificate.subject if by else subject
    number = x509.random_serial_number()
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), number)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(key_of(by.key if by else key), critical=False)
        .add_extension(usage(authority=authority), critical=True)
    )
    if not authority:
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = builder.add_extension(names, critical=False)
    if issuers:
        where = x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(issuers)
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([where]), critical=False)
    return Signed(builder.sign(by.key if by else key, hashes.SHA256()), key)


def key_of(issuer: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    """Python 3.13 refuses a certificate without it (ssl.VERIFY_X509_STRICT, RFC 5280, 4.2.1.1)."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())


def usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True, slots=True)
class Site:
    """nginx on https, from the files that were put last."""

    lab: LiveLab

    async def put(self, leaf: Signed, issuer: Signed) -> None:
        """Show this certificate by itself or with its issuer's, as the case's line says."""
        host = self.lab.one("reverse-proxy").service
        await self.lab.run(host, "mkdir", "-p", FOLDER)
        files = (
            File("cert.pem", leaf.pem()),
            File("fullchain.pem", leaf.pem() + issuer.pem()),
            File("privkey.pem", leaf.secret(), 0o600, WWW_DATA),
        )
        await self.lab.put_files(host, FOLDER, files)


@contextlib.asynccontextmanager
async def on_https(lab: LiveLab) -> AsyncIterator[Site]:
    """nginx listens at 443, too, for a block."""
    async with changed_site(lab, LISTEN):
        yield Site(lab)
