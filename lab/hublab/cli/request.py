"""`hublab request`: sends one HTTP request from the client host through the proxy."""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from yarl import URL

from hublab.cli.common import common, with_live
from hublab.cli.fault import Duration
from hublab.cli.json_output import emit
from hublab.cli.request_options import (
    by_name,
    check_request_options,
    header_pairs,
    redactor,
    request_options,
)
from hublab.errors import UsageError
from hublab.journal.redaction import Redactor
from hublab.probes.credentials import credentials
from hublab.probes.http import Answer, Ask, ask
from hublab.probes.page_access import PageAccess, page_access
from hublab.running.live import LiveLab
from hublab.running.raw_http import written


@click.command()
@request_options
@click.option("-X", "--method", metavar="METHOD", help="Default: GET, with --data POST.")
@click.option("--data", metavar="TEXT", help="The body; @FILE reads it from a file, - from stdin.")
@click.option("--xsrf", is_flag=True, help="Send the XSRF cookie back as a header, as pages do.")
@click.option("--follow", is_flag=True, help="Follow redirects, as a browser does.")
@click.option(
    "--timeout", type=Duration(), default="60s", show_default=True, help="Time for each response."
)
@common
def request(
    path: str,
    user: str | None,
    token: bool,
    enter: str | None,
    headers: tuple[str, ...],
    origin: str | None,
    method: str | None,
    data: str | None,
    xsrf: bool,
    follow: bool,
    timeout: float,
    name: str,
    as_json: bool,
) -> None:
    """Send one HTTP request from the client through the proxy.

    PATH reaches the proxy exactly as typed. Every response gives exit code 0, a 404 too; no
    response gives 2. Tokens and the values of cookies are not shown. Signing in creates a user that
    the hub does not know, as always.

    With --origin it also reports whether a page of that origin could read the response, by its
    headers (Fetch standard, "CORS check"). It names what only a browser decides: cookies by their
    SameSite, and a preflight.

    \b
    Examples:
      hublab request /hub/api
      hublab request / --as alice --follow
      hublab request /hub/api/users/alice --as alice --token
      hublab request '/user/alice/../bob/%2Fx'
      hublab request /user/alice/api/status --as alice --enter --origin http://app.lab
      hublab request /hub/api/users/alice/server --as alice --xsrf -X DELETE
    """
    check_request_options(user, token, enter)
    body = read_body(data)
    outgoing = Ask(
        target=path,
        method=method or ("GET" if body is None else "POST"),
        headers=with_type(header_pairs(headers, origin), body),
        body=body,
        xsrf=xsrf,
        timeout=timeout,
    )
    outgoing.check()

    async def work(live: LiveLab) -> tuple[Answer, PageAccess | None, Redactor]:
        async with credentials(live, user, token=token, server=enter) as identity:
            place = URL(written(live.origin, path if path.startswith("/") else "/"), encoded=True)
            sent = (*identity.headers, *(identity.xsrf_header(place) if xsrf else ()))
            cookies = identity.same_site(place)  # before the answer brings others
            answer = await ask(live, outgoing, identity, follow=follow)
            page = None
            if origin is not None:
                page = page_access(answer, outgoing, origin, cookies, sent)
            return answer, page, redactor(live, identity)

    answer, page, hide = with_live(name, work)
    if as_json:
        emit(as_data(answer, hide) | ({"page": asdict(page)} if page else {}))
    else:
        show(answer, hide)
        if page:
            click.echo(page, err=True)


def read_body(data: str | None) -> bytes | None:
    """The body that --data names. Raises UsageError for a file that cannot be read."""
    if data == "-":
        return sys.stdin.buffer.read()
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode("utf-8", "surrogateescape")
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {data[1:]}: {error.strerror}", where="--data") from error


def with_type(
    headers: tuple[tuple[str, str], ...], body: bytes | None
) -> tuple[tuple[str, str], ...]:
    """Add a Content-Type if the user gave none: JSON if the body is JSON, else a form."""
    if body is None or any(name.lower() == "content-type" for name, _ in headers):
        return headers
    try:
        json.loads(body)
    except ValueError:
        return (*headers, ("Content-Type", "application/x-www-form-urlencoded"))
    return (*headers, ("Content-Type", "application/json"))


def text_of(answer: Answer) -> str | None:
    """The body as text, None if it is not UTF-8."""
    try:
        return answer.body.decode()
    except UnicodeDecodeError:
        return None


def as_data(answer: Answer, hide: Redactor) -> dict[str, Any]:
    """A response in the form of `--json`."""
    text = text_of(answer)
    data: dict[str, Any] = {
        "status": answer.status,
        "url": hide.text(answer.url),
        "headers": by_name(hide.headers(answer.headers)),
        "chain": [
            {key: hide.text(v) if isinstance(v, str) else v for key, v in asdict(step).items()}
            for step in answer.chain
        ],
        "body": None if text is None else hide.text(text),
    }
    return data if text is not None else {**data, "body_base64": base64.b64encode(answer.body)}


def show(answer: Answer, hide: Redactor) -> None:
    """Print the chain of redirects, then the last response as it came."""
    for step in answer.chain:
        to = f"  ->  {hide.text(step.location)}" if step.location else ""
        click.echo(f"{step.status} {step.method} {hide.text(step.url)}{to}", err=True)
    click.echo(f"HTTP/1.1 {answer.status} {answer.reason}".rstrip())
    for name, value in hide.headers(answer.headers):
        click.echo(f"{name}: {value}")
    click.echo()
    text = text_of(answer)
    if text is not None:
        click.echo(hide.text(text), nl=not text.endswith("\n"))
    elif sys.stdout.isatty():
        click.echo(f"({len(answer.body)} bytes that are not text)")
    else:
        click.echo(answer.body, nl=False)
