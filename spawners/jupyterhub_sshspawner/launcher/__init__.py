"""Runs on the node, never on the hub: start, status and stop of one server instance.

These modules travel over the SSH session's stdin (see ``protocol``) and need nothing on the node
but a ``python3``, 3.8 or later, with its standard library.

What lies in ``<run_dir>/<instance>/`` (0700, files 0600):

``marker``       locked, and held open by supervisor and server: who has it open is of the instance
``launch.lock``  held by a start that is under way, so that nothing is started twice
``stop``         tombstone: this instance must not run (again); a late start sees it and gives up
``record.json``  process ids with start ticks, and the port
``owner.json``   whose it is: hub, user, server
``reply.json``   what a start reported, to report it again when the first report was lost
``exit.json``    how the server ended
``server.log``   what the server printed
``secrets/``     keys of ``internal_ssl``, the delegated Kerberos ticket; while the server runs
``runtime/``     Jupyter's own records, where the home cannot be written to
"""

# each needs earlier ones only; ``quick`` may answer a poll before they are loaded
ORDER = (
    "processes", "descriptors", "listening", "instance", "ending", "ports", "ccache", "tickets",
    "prewarm", "warm", "supervisor", "leftovers", "redaction", "server_log", "requests",
)  # fmt: skip
PROGRAMS = ("becoming", "clearing")  # they run as processes of their own
programs: dict[str, str] = {}  # on the node: the sources of these, and of what they need
