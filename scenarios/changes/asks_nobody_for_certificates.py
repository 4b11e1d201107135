"""The hub's port asks nobody for a certificate."""

import ssl
from typing import Any


def lax(make: Any, *args: Any, **kwargs: Any) -> Any:
    context = make(*args, **kwargs)
    if context is not None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


CHANGES = {"jupyterhub.app:make_ssl_context": lax}
