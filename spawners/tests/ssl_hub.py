"""A hub whose parts ask each other for certificates."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request

from machinery import Hub


class SslHub(Hub):
    """A hub with internal_ssl, asked with a certificate of its own making."""

    def api(
        self, method: str, path: str, body: object = None, token: str = ""
    ) -> tuple[int, object]:
        where = self.where / "ssl/proxy-client/proxy-client"
        context = ssl.create_default_context(cafile=str(self.where / "ssl/hub-ca_trust.crt"))
        context.check_hostname = False
        context.load_cert_chain(f"{where}.crt", f"{where}.key")
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}/hub/api{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as reply:
                text = reply.read()
                return reply.status, json.loads(text) if text.startswith(b"{") else None
        except urllib.error.HTTPError as error:
            return error.code, None
