"""`hublab request`: one HTTP request from the client host through the proxy."""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from yarl import URL

from hublab.cli.asking import asking, check_who, header_pairs, redactor
from hublab.cli.common import common, emit, with_live
from hublab.cli.fault import Duration
from hublab.errors import UsageError
from hublab.journal.redaction import Redactor
from hublab.probes.credentials import credentials
from hublab.probes.http import Answer, Ask, ask
from hublab.probes.page_access import PageAccess, page_access
from hublab.running.live import LiveLab
from hublab.running.raw_http import written


@click.command()
@asking
@click.option("-X", "--method", metavar="METHOD", help="Default: GET, with --data POST.")
@click.option("--data", metavar="TEXT", help="The body; @FILE reads a file, - stdin.")
@click.option("--xsrf", is_flag=True, help="Send the XSRF cookie back as a header, as pages do.")
@click.option("--follow", is_flag=True, help="Go where redirects lead, as a browser does.")
@click.option(
    "--timeout", type=Duration(), default="60s", show_default=True, help="For each answer."
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
    """Send one HTTP request from the client host through the proxy, and show the answer.

    PATH reaches the proxy exactly as it is typed, however odd it is. Any answer is an answer:
    the exit code is 0 for a 404 too, and 2 when none came. Tokens and the values of cookies
    are not shown. A user whom the hub does not know is made by signing in, as always.

    With --origin it also says whether a page of that origin could read the answer, by the headers
    that came (Fetch standard, "CORS check"), and what a browser decides by that was not tried: the
    SameSite of the cookies, a preflight.

    \b
    Examples:
      hublab request /hub/api
      hublab request / --as alice --follow
      hublab request /hub/api/users/alice --as alice --token
      hublab request '/user/alice/../bob/%2Fx'
      hublab request /user/alice/api/status --as alice --enter --origin http://app.lab
      hublab request /hub/api/users/alice/server --as alice --xsrf -X DELETE
    """
    check_who(user, token, enter)
    body = read_body(data)
    wanted = Ask(
        target=path,
        method=method or ("GET" if body is None else "POST"),
        headers=with_type(header_pairs(headers, origin), body),
        body=body,
        xsrf=xsrf,
        timeout=timeout,
    )
    wanted.check()

    async def work(live: LiveLab) -> tuple[Answer, PageAccess | None, Redactor]:
        async with credentials(live, user, token=token, server=enter) as who:
            place = URL(written(live.origin, path if path.startswith("/") else "/"), encoded=True)
            sent = (*who.headers, *(who.xsrf_header(place) if xsrf else ()))
            cookies = who.same_site(place)  # before the answer brings others
            answer = await ask(live, wanted, who, follow=follow)
            page = None
            if origin is not None:
                page = page_access(answer, wanted, origin, cookies, sent)
            return answer, page, redactor(live, who)

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
    """Say what the body is, where the user did not: JSON where it is JSON, else a form."""
    if body is None or any(name.lower() == "content-type" for name, _ in headers):
        return headers
    try:
        json.loads(body)
    except ValueError:
        return (*headers, ("Content-Type", "application/x-www-form-urlencoded"))
    return (*headers, ("Content-Type", "application/json"))


def text_of(answer: Answer) -> str | None:
    """The body as text, None where it is none."""
    try:
        return answer.body.decode()
    except UnicodeDecodeError:
        return None


def as_data(answer: Answer, hide: Redactor) -> dict[str, Any]:
    """An answer as `--json` prints it; a header that came twice has a list of values."""
    headers: dict[str, Any] = {}
    for name, value in hide.headers(answer.headers):
        before = headers.get(name)
        headers[name] = value if before is None else [*as_list(before), value]
    text = text_of(answer)
    data: dict[str, Any] = {
        "status": answer.status,
        "url": hide.text(answer.url),
        "headers": headers,
        "chain": [
            {key: hide.text(v) if isinstance(v, str) else v for key, v in asdict(step).items()}
            for step in answer.chain
        ],
        "body": None if text is None else hide.text(text),
    }
    return data if text is not None else {**data, "body_base64": base64.b64encode(answer.body)}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def show(answer: Answer, hide: Redactor) -> None:
    """The chain, then the last answer as it came."""
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
        click.echo(f"({len(answer.body)} bytes that are no text)")
    else:
        click.echo(answer.body, nl=False)
