"""Runs on the node: a parent that has done a server's imports, and forks servers.

Nearly all that a user waits for is Python importing. The parent imports once; a server is a fork
of it, and shares its memory. Two forms: one for the node, started by its administrator as root; or
one a user, started by the launcher, without any privilege. Both speak the same protocol:

- The launcher connects to a Unix socket (SOCK_SEQPACKET) and sends ``START`` with five descriptors:
  log, reports, orders, marker, and the instance's folder.
- The parent forks. The child takes from the kernel who asks (SO_PEERCRED, SO_PEERGROUPS, /proc),
  becomes that account in every respect, or answers ``{"cold": why}``; it answers
  ``{"keeper": pid}``, forks the server, and from then on is what the launcher's shell is to a cold
  server: it waits, notes how the server ended, and clears up.
- The server's process reads what to become from the orders pipe, as a cold one does. The parent
  never sees a word of it: no environment, no argument, no secret, so that none is in the next
  child's memory. Where the server would not be as a cold one, the process becomes the cold one.

Standard library only, Python 3.8 or later. ``exchange.warm_program`` makes one file of it.
"""

ORDER = (
    "launcher.processes", "launcher.descriptors", "launcher.clearing", "launcher.becoming",
    "warm.system_calls", "warm.title", "warm.refusal", "warm.trusted", "warm.reads",
    "warm.imports", "warm.anew", "warm.peer", "warm.cgroups", "warm.account", "warm.server",
    "warm.keeper", "warm.service", "warm.stages",
)  # fmt: skip
