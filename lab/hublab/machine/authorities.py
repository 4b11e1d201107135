"""The certificate authorities that this machine trusts, for builds behind an inspecting proxy."""

from __future__ import annotations

import os

CA_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
DEFAULT_CA = "/etc/ssl/certs/ca-certificates.crt"


def authorities() -> str:
    """The path of the machine's bundle; an empty file where it has none."""
    for variable in ("HUBLAB_CA", *CA_BUNDLES):
        if path := os.environ.get(variable):
            return path
    return DEFAULT_CA if os.path.exists(DEFAULT_CA) else os.devnull
