"""One HTTP request from the client host, sent exactly as it was typed.

HTTP libraries tidy up what they send: dots, doubled slashes, escapes. Nothing is touched here, so
that what a server makes of an untidy target can be seen.
"""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

import python_socks
from python_socks.sync import Proxy
from yarl import URL

from hublab.errors import Undecided, UsageError, in_words

LINE_BREAKS = re.compile(r"[\r\n\0]")
METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Ask:
    """What to send: the target as typed, and what goes with it."""

    target: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    xsrf: bool = False
    """Whether to send the XSRF cookie back as a header, as a page of JupyterHub does."""
    timeout: float = 60.0
    """Seconds to wait for each answer."""

    def check(self) -> None:
        """Raise UsageError for what would make two requests of one, or none."""
        if LINE_BREAKS.search(self.target):
            raise UsageError("a path cannot hold line breaks", where="PATH")
        if not METHOD.fullmatch(self.method):
            raise UsageError(f"{self.method!r} is no method", where="-X", hint="GET, POST, …")
        for name, value in self.headers:
            if not METHOD.fullmatch(name) or LINE_BREAKS.search(value):
                raise UsageError(
                    f"{name!r}: {value!r} is no header", where="-H", hint="'Name: value'"
                )


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a chain and where its answer leads."""

    method: str
    url: str
    status: int
    location: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The last answer of a chain."""

    status: int
    reason: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    chain: tuple[Step, ...] = field(default=())

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in any case."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


class AsTyped(http.client.HTTPConnection):
    """A connection through the client host that sends a target without looking at it."""

    def __init__(self, socks_url: str, host: str, port: int, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._socks_url = socks_url

    def connect(self) -> None:
        """Have the client host resolve the name and open the connection."""
        proxy = Proxy.from_url(self._socks_url, rdns=True)
        self.sock: socket.socket = proxy.connect(self.host, self.port, timeout=self.timeout)

    # The two hooks that http.client has for sending what it would refuse (bpo-36274).
    def _validate_path(self, url: str) -> None:
        """Spaces and the like are what the server is asked about; `Ask.check` refuses the rest."""

    def _encode_request(self, request: str) -> bytes:
        return request.encode("utf-8", "surrogateescape")


def send(socks_url: str, here: URL, request: Ask, headers: Mapping[str, str]) -> Answer:
    """Send a request to a host and read the answer, blocking.

    `headers` go out too, unless the request names them itself. Raises Undecided when no answer
    comes.
    """
    connection = AsTyped(socks_url, str(here.host), int(here.port or 80), request.timeout)
    given = {name.lower() for name, _ in request.headers}
    base = {"Host": here.authority, "User-Agent": "hublab", "Accept": "*/*", **headers}
    try:
        connection.putrequest(
            request.method, request.target, skip_host=True, skip_accept_encoding=True
        )
        for name, value in [(k, v) for k, v in base.items() if k.lower() not in given]:
            connection.putheader(name, value)
        for name, value in request.headers:
            connection.putheader(name, value.encode("utf-8", "surrogateescape"))
        if request.body is not None and "content-length" not in given:
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)
        reply = connection.getresponse()
        pairs = tuple(reply.getheaders())
        url = written(here, request.target)
        return Answer(reply.status, reply.reason, url, pairs, reply.read())
    except (OSError, http.client.HTTPException, python_socks.ProxyError) as error:
        raise no_answer(here, request, error) from error
    finally:
        connection.close()


def written(here: URL, target: str) -> str:
    """A host and a target as one address, or the target alone where it is no path."""
    return f"{str(here).rstrip('/')}{target}" if target.startswith("/") else target


def no_answer(here: URL, request: Ask, error: Exception) -> Undecided:
    """Say why there is no answer, and which command says more."""
    if isinstance(error, (TimeoutError, python_socks.ProxyTimeoutError)):
        reason = f"no answer within {request.timeout:g} s"
    elif isinstance(error, python_socks.ProxyError):
        reason = "the client host cannot connect to it"
    elif isinstance(error, http.client.RemoteDisconnected):
        reason = "it closed the connection without an answer"
    else:
        reason = str(getattr(error, "strerror", None) or in_words(error))
    return Undecided(
        f"{here.host} does not answer: {reason}",
        where=f"{written(here, request.target)}, from the client host",
        hint="`hublab reach` says which hop is broken",
    )
