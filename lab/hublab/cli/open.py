"""`hublab open`: opens a lab's sign-in page in a browser."""

from __future__ import annotations

import webbrowser

import click

from hublab.cli.common import common, err, find, out
from hublab.cli.complete import users_and_admin
from hublab.cli.json_output import emit
from hublab.cli.sign_in import as_data, in_words, show_password_option
from hublab.errors import LabError
from hublab.running.sign_in import sign_in_of


@click.command("open")
@click.argument("user", required=False, shell_complete=users_and_admin)
@click.option("--no-browser", is_flag=True, help="Print the page's address, and open nothing.")
@show_password_option
@common
def open_command(
    user: str | None, no_browser: bool, show_password: bool, name: str, as_json: bool
) -> None:
    """Open USER's sign-in page, and print the password.

    The page has the name filled in; without USER that of the lab's first user. JupyterHub has no
    sign-in by link: the password is for you to type. A browser that is signed in already shows that
    user's page; sign out there first, or use a private window. The page's address is printed too,
    for where no browser can be opened.

    \b
    Examples:
      hublab open
      hublab open bob
      hublab open admin --no-browser
    """
    lab = find(name)
    if not lab.published:
        raise LabError(f"lab {name} publishes no port, so no browser can open it")
    known = sign_in_of(lab, user)
    opened = not no_browser and webbrowser.open(known.page)
    if as_json:
        emit({**(as_data(known, show_password) or {}), "page": known.page, "opened": opened})
        return
    out.print(known.page, markup=False)
    out.print(in_words(known, show_password).partition("   ")[2], markup=False)
    if not opened and not no_browser:
        err.print("no browser could be opened here; open the address yourself", markup=False)
