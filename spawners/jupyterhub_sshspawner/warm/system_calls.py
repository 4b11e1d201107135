"""What the kernel offers and Python does not: prctl, keyrings."""

from __future__ import annotations

import ctypes
import errno
import os

PR_SET_DUMPABLE, PR_SET_NAME = 4, 15
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}
JOIN_SESSION_KEYRING, LINK = 1, 8
SESSION_KEYRING, USER_KEYRING = -3, -4
NO_KEYRINGS = (errno.ENOSYS, errno.EPERM, errno.EACCES)

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *arguments: int) -> int:
    """Raises OSError, as the kernel says."""
    words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0, 0)[:4]]
    result = int(_libc.prctl(ctypes.c_int(option), *words))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def set_name(name: bytes) -> None:
    """The name of the thread, which is that of the process in ``ps`` and ``top``."""
    _libc.prctl(ctypes.c_int(PR_SET_NAME), ctypes.c_char_p(name[:15]), 0, 0, 0)


def join_new_session_keyring() -> None:
    """Leave the parent's keyring for one of our own, with the user's in it, as pam_keyinit does.

    Raises OSError where that is not known to work. A kernel or container without keyrings has none
    to leave.
    """
    number = KEYCTL.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, "keyrings of this architecture are not known")
    if _keyctl(number, JOIN_SESSION_KEYRING, 0) >= 0:
        _keyctl(number, LINK, USER_KEYRING, SESSION_KEYRING)
        return
    code = ctypes.get_errno()
    if code not in NO_KEYRINGS:
        raise OSError(code, os.strerror(code))


def _keyctl(number: int, operation: int, *arguments: int) -> int:
    words = [ctypes.c_long(word) for word in (operation, *arguments)]
    return int(_libc.syscall(ctypes.c_long(number), *words))
