"""The verbs of `hublab`, each with its module and the line that `hublab --help` shows.

A verb's module loads what the verb needs: Docker's SDK, asyncssh, aiohttp, rich. So a module is
imported when its verb is called, and the listing and the completion of verbs use this table alone.
"""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass
from typing import Any

import click
from click.shell_completion import CompletionItem


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb's command is defined, and the first line of that command's own help."""

    module: str
    help: str


VERBS = {
    "up": Verb("up", "Bring a lab up, or find it running."),
    "down": Verb("down", "Remove a lab: containers, networks, volumes and journals."),
    "init": Verb("init", "Write the files of a lab of your own, and a first test."),
    "ls": Verb("ls", "List the labs on this engine."),
    "ps": Verb("ps", "List a lab's hosts, and the servers that its hub knows."),
    "open": Verb("open", "Open USER's sign-in page, and print the password."),
    "token": Verb("token", "Make an API token of USER, and print it once."),
    "spawn": Verb("spawn", "Have the hub start USER's server, and show its progress."),
    "cell": Verb("cell", "Run CODE in a new kernel of USER's server."),
    "stop": Verb("stop", "Have the hub stop USER's server, and list what still runs."),
    "reach": Verb("reach", "Try every hop of the deployment from the host that makes it."),
    "set": Verb("set", "Change settings of a running lab, restarting only what must."),
    "unset": Verb("set", "Return settings to the lab's base configuration."),
    "restart": Verb("power", "Restart HOST or its program, and tell what was lost."),
    "kill": Verb("power", "Kill HOST or its program, and tell what was lost."),
    "start": Verb("power", "Start HOST or its program, where that does not run."),
    "fault": Verb("fault", "Cause a fault in the lab for a time, count it, and heal it."),
    "logs": Verb("logs", "Print logs of hosts, and of single-user servers."),
    "exec": Verb("exec", "Run COMMAND on HOST, and exit with its exit code."),
    "shell": Verb("exec", "Open a shell on HOST."),
    "request": Verb("request", "Send one HTTP request from the client through the proxy."),
    "websocket": Verb("websocket", "Open a WebSocket from the client through the proxy."),
    "routes": Verb("routes", "Compare the proxy's routes with those that the hub expects."),
    "activity": Verb("activity", "Show when users were last active: server, proxy and hub."),
    "db": Verb("db", "Read the hub's database, or show what an action changed."),
    "events": Verb("events", "Print what happens in the lab, as it happens."),
    "capture": Verb("capture", "Capture what hosts say to each other, and print who to whom."),
    "explain": Verb("explain", "Show a setting's help, type, default, file and restarts."),
    "validate": Verb("validate", "Check that Compose files, merged as by `up -f`, form a lab."),
    "graph": Verb("graph", "Draw a lab's hosts, addresses and connections."),
    "export": Verb("export", "Write a lab as one Compose file that runs without hublab."),
    "completion": Verb("completion", "Print the completion script for SHELL."),
    "prune": Verb("prune", "Remove every lab on this engine; with --images, images too."),
    "doctor": Verb("doctor", "Show what this machine lacks for a lab, and how to get it."),
    "demo": Verb("demo", "Bring a lab up, and run a cell in a notebook on another host."),
    "bench": Verb("bench", "Measure what operations cost, as ratios to bare software."),
    "conformance": Verb("conformance", "Test a spawner against what hubs and bug reports demand."),
    "findings": Verb("findings", "List where software contradicts its documentation."),
    "matrix": Verb("matrix", "Try every combination of settings, and show what is seen."),
    "report": Verb("report", "Make one HTML file of a run, which opens offline."),
    "runs": Verb("runs", "List the runs that are kept, or remove old ones."),
    "reproduce": Verb("reproduce", "Run the scenarios of an issue, to see if it still happens."),
}


class Verbs(click.Group):
    """Finds a verb's command in its module, as `<verb>_command` or `<verb>`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module; None for a name that is no verb."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"hublab.cli.{VERBS[cmd_name].module}")
        command: Any = getattr(module, f"{cmd_name}_command", None) or getattr(module, cmd_name)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest verb for a name that is no verb."""
        near = difflib.get_close_matches(args[0], VERBS, n=1) if args[0] not in VERBS else []
        if near:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing their modules, as click's own method would."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.help) for name, verb in VERBS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of verbs without importing their modules, and our own options."""
        verbs = [
            CompletionItem(name, help=verb.help)
            for name, verb in VERBS.items()
            if name.startswith(incomplete)
        ]
        # Not the method of click.Group: that one imports every verb that it names.
        return verbs + click.Command.shell_complete(self, ctx, incomplete)
