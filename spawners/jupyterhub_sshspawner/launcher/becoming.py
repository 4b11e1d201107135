"""The server's process before it is the server. A program of its own, which the supervisor runs.

It says its process id, waits until that is recorded and it is told what to become, and becomes it.
It imports only what is built in (``posix`` is what ``os`` is made of), because every start waits
for it.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import posix

REPORTS, ORDERS = 3, 4  # descriptors


class Orders:
    """What to become: the first of ``paths`` that can be run, with ``argv`` and ``env``."""

    def __init__(self, fields: list[bytes]) -> None:
        self.umask, self.folder = int(fields.pop(0)), fields.pop(0)
        self.paths, self.argv = _list(fields), _list(fields)
        self.env = dict(item.split(b"=", 1) for item in fields)


def main() -> None:
    """Become the server; else report why not, and end."""
    become(receive())


def receive() -> Orders:
    """Say who we are, and wait until that is recorded."""
    posix.setpgid(0, 0)
    posix.write(REPORTS, b'{"pid": %d}\n' % posix.getpid())
    fields = _orders()
    if not fields:
        posix._exit(1)  # the launcher died at once, so nobody would know of us
    posix.set_inheritable(REPORTS, False)
    posix.close(ORDERS)
    return Orders(fields)


def become(orders: Orders) -> None:
    """Be another program from now on; else report why not, and end."""
    for number in range(1, _signal.NSIG):
        try:
            _signal.signal(number, _signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    posix.umask(orders.umask)  # what the user's files get; ours are private
    try:
        posix.chdir(orders.folder)
        raise _exec(orders.paths, orders.argv, orders.env)
    except OSError as error:
        posix.write(REPORTS, b'{"errno": %d}\n' % (error.errno or 0))
    posix._exit(127)


def _orders() -> list[bytes]:
    """What to become; nothing if whoever says it was killed before all was said."""
    data = b""
    while True:
        more = posix.read(ORDERS, 65536)
        if not more:
            break
        data += more
    size, _, rest = data.partition(b"\0")
    return rest.split(b"\0") if size and int(size) == len(rest) else []


def _list(fields: list[bytes]) -> list[bytes]:
    count = int(fields.pop(0))
    found = fields[:count]
    del fields[:count]
    return found


def _exec(paths: list[bytes], argv: list[bytes], env: dict[bytes, bytes]) -> OSError:
    """Become the first of the paths that can be run; returns why none can. As ``os.execvpe``."""
    errors = []
    for path in paths:
        try:
            posix.execve(path, argv, env)
        except OSError as error:
            errors.append(error)
    telling = [e for e in errors if not isinstance(e, (FileNotFoundError, NotADirectoryError))]
    return (telling or errors[-1:])[0]


if __name__ == "__main__":
    main()
