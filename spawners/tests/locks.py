"""A Python that runs where files cannot be locked: the kernel refuses flock, as seccomp(2) says."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

FLOCK = {"x86_64": 73, "aarch64": 32}  # of the kernel's table of system calls
SOURCE = """#!{python}
import ctypes, os, struct, sys
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 38  # SECCOMP_RET_ERRNO, ENOSYS
lines = [
    (LOAD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, {number}), (RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW),
]
program = b"".join(struct.pack("HBBI", *line) for line in lines)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_char_p)]
prctl = ctypes.CDLL(None, use_errno=True).prctl
assert prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
assert prctl(22, 2, ctypes.byref(Program(len(lines), program)), 0, 0) == 0  # PR_SET_SECCOMP
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


def python_without_locks(where: Path) -> str:
    """The path of such a Python."""
    path = where / "python-without-locks"
    path.write_text(SOURCE.format(python=sys.executable, number=FLOCK[platform.machine()]))
    path.chmod(0o755)
    return str(path)
