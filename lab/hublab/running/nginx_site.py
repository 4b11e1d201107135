"""Where a reverse proxy listens and to whom it passes requests on, by the site of its nginx.

Source: nginx's documentation, `listen`, `proxy_pass`, `upstream`.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import crossplane
from yarl import URL


@dataclass(frozen=True, slots=True)
class Directive:
    """A directive, with its block where it has one."""

    words: tuple[str, ...]
    block: tuple[Directive, ...] = ()

    @property
    def name(self) -> str:
        return self.words[0] if self.words else ""

    def named(self, name: str) -> Iterator[Directive]:
        """The directives of a name within the block, at any depth."""
        for one in self.block:
            if one.name == name:
                yield one
            yield from one.named(name)


USUAL = ("http", 80)
"""Where nginx listens if its site does not say where."""


@dataclass(frozen=True, slots=True)
class Site:
    """What matters of a site to those who look for the hub behind it."""

    listens: tuple[tuple[str, int], ...] = (USUAL,)
    """Scheme and port of each address at which the hub is offered."""
    upstreams: tuple[str, ...] = ()
    """To which addresses requests are passed on: scheme, host and port alone."""


def site_of(text: str) -> Site:
    """Read a site; of what is no configuration, nothing but where nginx usually listens."""
    site = parse(text)
    offering = [one for one in site.named("server") if any(one.named("proxy_pass"))]
    listens = [listen(one) for server in offering for one in server.named("listen")]
    upstreams = [url for server in offering for url in passes_to(server, site)]
    known = dict.fromkeys(filter(None, listens or [USUAL]))
    return Site(tuple(known), tuple(dict.fromkeys(upstreams)))


def parse(text: str) -> Directive:
    """The whole text as the block of one directive without words; empty if it is no configuration.

    nginx starts with none that crossplane, its makers' parser, cannot read.
    """
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".conf") as file:
        file.write(text)
        file.flush()
        read = crossplane.parse(file.name, single=True, check_ctx=False, check_args=False)
    return Directive((), tuple(directives(read["config"][0]["parsed"])))


def directives(parsed: Iterable[Mapping[str, Any]]) -> Iterator[Directive]:
    """The directives of a block, in crossplane's form."""
    for one in parsed:
        yield Directive((one["directive"], *one["args"]), tuple(directives(one.get("block", ()))))


def listen(directive: Directive) -> tuple[str, int] | None:
    """Scheme and port of `listen 80`, `listen 127.0.0.1:8443 ssl`, `listen [::]:80`; no socket."""
    _, address, *parameters = (*directive.words, "")
    if address.startswith("unix:"):
        return None
    port = re.search(r"(?:^|:)(\d+)$", address)
    return "https" if "ssl" in parameters else "http", int(port[1]) if port else 80


def passes_to(server: Directive, site: Directive) -> Iterator[str]:
    """The targets of a server's `proxy_pass`: its URL, a variable's, or those of an upstream."""
    variables = {one.words[1]: one.words[2] for one in server.named("set") if len(one.words) == 3}
    groups = {one.words[1]: one for one in site.named("upstream") if len(one.words) == 2}
    for one in server.named("proxy_pass"):
        target = one.words[1] if len(one.words) > 1 else ""
        target = re.sub(r"\$\{?(\w+)\}?", lambda found: variables.get(f"${found[1]}", ""), target)
        found = re.match(r"(https?)://([^/]+)", target)
        if found and found[2] in groups:
            members = groups[found[2]].named("server")
            yield from (f"{found[1]}://{member.words[1]}" for member in members if member.words[1:])
        elif found:
            yield found[0]


def offered_at(host: str, site: Site, path: str) -> list[str]:
    """The URLs of a path on the reverse proxy's host; without a port where it is the usual one."""
    return [
        str(URL.build(scheme=scheme, host=host, port=port, path=path))
        for scheme, port in site.listens
    ]
