"""``jupyterhub-sshspawner``: what an administrator asks of a hub that runs.

It talks to the hub's API, with ``JUPYTERHUB_API_URL`` and ``JUPYTERHUB_API_TOKEN`` as JupyterHub
gives them to services. Exit codes: 0, or 1 when something could not be done, 2 for a wrong command
line, 3 when the hub does not answer, 4 when it refuses.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests

from . import __version__
from .exchange.warm_program import warm_program, warm_unit

PROGRAM = "/usr/local/lib/jupyterhub-sshspawner/warm.py"
PATIENCE = 600.0  # seconds for the hub, which may have to look at many accounts


class Refused(Exception):
    """The hub does not do it, or does not answer; ``code`` is for the shell."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except Refused as error:
        print(f"jupyterhub-sshspawner: {error}", file=sys.stderr)
        return error.code
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "jupyterhub-sshspawner",
        description="Look after servers that the hub has lost. Needs JUPYTERHUB_API_TOKEN, a token "
        "with the scope admin:servers, in the environment.",
    )
    parser.add_argument(
        "--url",
        default=os.environ.get("JUPYTERHUB_API_URL", "http://127.0.0.1:8081/hub/api"),
        help="the hub's API; JUPYTERHUB_API_URL, or %(default)s",
    )
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")
    orphans = verbs.add_parser(
        "orphans",
        help="servers that should be gone, on nodes that do not answer",
        description="The hub ends them as soon as their node answers, and tries at least every "
        "five minutes. Of a node that is gone for good they may be forgotten.",
    )
    orphans.add_argument("--forget", metavar="INSTANCE", action="append", default=[],
                         help="go after it no more (may be given several times)")  # fmt: skip
    orphans.add_argument("--json", action="store_true", help="for programs")
    orphans.set_defaults(run=_orphans)
    sweep = verbs.add_parser(
        "sweep",
        help="what runs on the nodes, beside what the hub knows",
        description="Signs in to the accounts of these users, or of all, on these hosts, or on "
        "all that they may use. A server that this hub started and has forgotten, because its "
        "database was away or is older, is unknown.",
    )
    sweep.add_argument("--user", action="append", default=[], help="may be given several times")
    sweep.add_argument("--host", action="append", default=[], help="may be given several times")
    sweep.add_argument("--end", action="store_true", help="end the unknown ones")
    sweep.add_argument("--json", action="store_true", help="for programs")
    sweep.set_defaults(run=_sweep)
    warm = verbs.add_parser(
        "warm",
        help="the service that forks servers on a node",
        description="Prints the program, for /usr/local/lib/jupyterhub-sshspawner/warm.py on the "
        "node, or the unit that runs it. It needs no package there but the servers' own "
        "environment, which must be writable by root alone.",
    )
    what = warm.add_mutually_exclusive_group(required=True)
    what.add_argument("--program", action="store_true", help="one file of Python")
    what.add_argument("--unit", metavar="PYTHON", help="for systemd, and the servers' environment, "
                      "such as /opt/jupyter/bin/python")  # fmt: skip
    warm.set_defaults(run=_warm)
    return parser


def _orphans(options: argparse.Namespace) -> int:
    for instance in options.forget:
        _ask(options, "DELETE", f"orphans/{quote(instance, safe='')}")
    if options.forget:
        return 0
    orphans = _ask(options, "GET", "orphans")["orphans"]
    if options.json:
        print(json.dumps(orphans, indent=2))
        return 0
    for one in orphans:
        print(f"{_server(one)}, {one['account']} on {one['host']}, {one['instance']}")
        print(f"  since {_when(one['since'])}: {one['why'] or 'not tried yet'}")
    if not orphans:
        print("no orphans")
    return 0


def _sweep(options: argparse.Namespace) -> int:
    asked = [("user", user) for user in options.user] + [("host", host) for host in options.host]
    answer = _ask(options, "DELETE" if options.end else "GET", "servers", asked)
    if options.json:
        print(json.dumps(answer, indent=2))
        return 1 if answer["failed"] else 0
    for one in answer["servers"]:
        kind = "unknown, ended" if one["ended"] else one["kind"]
        print(f"{kind}: {_server(one)}, {one['account']} on {one['host']}, {one['instance']}, "
              f"pid {one['pid']}, since {_when(one['since'])}")  # fmt: skip
    for one in answer["failed"]:
        print(f"not looked at: {one['account']} on {one['host']}: {one['why']}", file=sys.stderr)
    if not answer["servers"]:
        print("no servers")
    return 1 if answer["failed"] else 0


def _warm(options: argparse.Namespace) -> int:
    text = warm_program(__version__) if options.program else warm_unit(PROGRAM, options.unit)
    print(text, end="")
    return 0


def _ask(
    options: argparse.Namespace, method: str, path: str, query: Sequence[tuple[str, str]] = ()
) -> Any:
    token = os.environ.get("JUPYTERHUB_API_TOKEN", "")
    if not token:
        raise Refused("JUPYTERHUB_API_TOKEN is not set: it takes a token with admin:servers", 2)
    try:
        reply = requests.request(
            method,
            f"{options.url.rstrip('/')}/sshspawner/{path}",
            params=list(query),
            headers={"Authorization": f"token {token}"},
            timeout=PATIENCE,
        )
    except requests.RequestException as error:
        raise Refused(f"the hub at {options.url} does not answer: {error}", 3) from error
    if reply.ok:
        try:
            return reply.json() if reply.content else None
        except ValueError:
            raise Refused(f"{options.url} is not a hub's API: its answer is no JSON", 3) from None
    try:
        why = reply.json().get("message")
    except ValueError:
        why = reply.reason
    raise Refused(f"the hub says {reply.status_code}: {why}", 4)


def _server(one: dict[str, Any]) -> str:
    server = one["server"] or "the default server"
    return f"{server} of {one['user']}" if one["user"] else "a server of nobody known"


def _when(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else "an unknown time"
    except (ValueError, OverflowError, OSError):  # a user may have set the clock of a file
        return "an unknown time"


if __name__ == "__main__":
    sys.exit(main())
