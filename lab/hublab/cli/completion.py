"""`hublab completion`: prints the script by which a shell completes the commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from hublab.errors import InternalError

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    Examples:
      source <(hublab completion bash)                                    # in ~/.bashrc
      source <(hublab completion zsh)                                     # in ~/.zshrc
      hublab completion fish > ~/.config/fish/completions/hublab.fish
    """
    from hublab.cli import cli

    found = get_completion_class(shell)
    if found is None:
        raise InternalError(f"the command-line library has no completion for {shell}")
    click.echo(found(cli, {}, "hublab", "_HUBLAB_COMPLETE").source())
