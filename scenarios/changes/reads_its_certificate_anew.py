"""A hub reads its certificate from the disk for each connection."""

import ssl
from typing import Any

WHERE = "/srv/jupyterhub/internal-ssl/hub-internal/hub-internal"


def with_the_newest(handle: Any, server: Any, connection: Any, address: Any) -> None:
    if isinstance(server.ssl_options, ssl.SSLContext):
        server.ssl_options.load_cert_chain(f"{WHERE}.crt", f"{WHERE}.key")
    handle(server, connection, address)


CHANGES = {"tornado.tcpserver:TCPServer._handle_connection": with_the_newest}
