"""The Kerberos ticket that the hub delegated, kept for a server that outlives its session.

sshd puts it in a cache of its own, says so in KRB5CCNAME, and deletes it when the hub's connection
ends (``GSSAPICleanupCredentials``). The server gets a copy in its own folder, among its secrets.
"""

from __future__ import annotations

import os

from . import ccache
from .instance import Failed, Instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = "krb5cc"
LIBRARY = "libkrb5.so.3"  # which the node's sshd has, too, if that knows GSSAPI


def keep(request: dict[str, Any], instance: Instance) -> None:
    """Copy the session's ticket, if the hub delegates one. Fails where there is none."""
    if not request.get("ticket"):
        return
    source = os.environ.get("KRB5CCNAME", "")
    if not source:
        raise Failed(
            "ticket",
            "this session has no delegated Kerberos ticket: the node's sshd did not sign the hub "
            "in by GSSAPI (GSSAPIAuthentication), or did not keep the ticket, or a start file of "
            "the login shell unsets KRB5CCNAME",
        )
    os.makedirs(instance.secrets, mode=0o700, exist_ok=True)
    try:
        _copy(source, instance)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Failed(
            "ticket", "cannot keep the delegated Kerberos ticket (%s): %s" % (source, why)
        ) from error


def variables(request: dict[str, Any], instance: Instance) -> dict[bytes, bytes]:
    """What tells the server where its ticket is; nothing if the hub delegates none."""
    if not request.get("ticket"):
        return {}
    return {b"KRB5CCNAME": b"FILE:" + os.fsencode(os.path.join(instance.secrets, NAME))}


def refresh(request: dict[str, Any], instance: Instance) -> None:
    """Replace a running server's ticket by that of this session, if that was issued later.

    Only one in a file: others would have to be copied to be looked at. It does without where
    anything fails, since the server runs.
    """
    source = ccache.path_of(os.environ.get("KRB5CCNAME", ""))
    if not request.get("ticket") or not source:
        return
    try:
        old = ccache.read(os.path.join(instance.secrets, NAME))
        new = ccache.read(source)
        if old and new and new.client == old.client and new.issued > old.issued:
            _copy("FILE:" + source, instance)
    except (OSError, ValueError):
        pass


def _copy(source: str, instance: Instance) -> None:
    """At once or not at all, and not into a folder that goes meanwhile."""
    temporary = instance.file("%s.%d" % (NAME, os.getpid()))
    path = ccache.path_of(source)
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as target:
            if path:
                with open(path, "rb") as file:
                    target.write(file.read())
        if not path:
            copy_with_library(source, "FILE:" + temporary)
        os.replace(temporary, os.path.join(instance.secrets, NAME))
    finally:
        instance.remove(os.path.basename(temporary))


def copy_with_library(source: str, target: str) -> None:
    """Copy a cache of any type into another. Raises ValueError with the library's words.

    The functions are documented in MIT Kerberos' "krb5 API": there is no program for it.
    """
    import ctypes  # which takes long, for what is seldom needed

    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise ValueError("%s is needed for a cache of this type: %s" % (LIBRARY, error)) from error
    library.krb5_get_error_message.restype = ctypes.c_char_p
    context, old, new, principal = (ctypes.c_void_p() for _ in range(4))
    by = ctypes.byref

    def call(name: str, *arguments: object) -> None:
        code = getattr(library, name)(*arguments)
        if code:
            words = library.krb5_get_error_message(context, code) or b""
            raise ValueError("%s: %s" % (name, words.decode("utf-8", "replace")))

    call("krb5_init_context", by(context))
    call("krb5_cc_resolve", context, os.fsencode(source), by(old))
    call("krb5_cc_get_principal", context, old, by(principal))
    call("krb5_cc_resolve", context, os.fsencode(target), by(new))
    call("krb5_cc_initialize", context, new, principal)
    call("krb5_cc_copy_creds", context, old, new)
    call("krb5_cc_close", context, new)
