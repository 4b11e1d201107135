"""Where this machine gets Debian from: read from its own package sources, never assumed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hublab.machine.commands import ask
from hublab.machine.distribution import Distribution

Target = dict[str, str]


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Debian's archive, and the one of its security updates where that is known too."""

    archive: str
    security: str | None = None

    def lines(self, suite: str, options: str = "") -> list[str]:
        """sources.list lines of a suite with its updates."""
        start = f"deb {options} " if options else "deb "
        lines = [f"{start}{self.archive} {suite}{part} main" for part in ("", "-updates")]
        if self.security:
            lines.append(f"{start}{self.security} {suite}-security main")
        return lines


def debian_mirror(machine: Distribution) -> Mirrors | None:
    """The mirrors that this machine's own sources use; None on another distribution.

    apt tells the origin of a source only once its lists were fetched, so a machine that
    never ran `apt-get update` is asked a second time for the bare configuration.
    """
    if not machine.is_debian:
        return None
    for options in ([], ["--no-release-info"]):
        text = ask(["apt-get", "indextargets", *options, "Created-By: Packages"]) or ""
        if found := mirrors_from(parse_targets(text), machine.codename):
            return found
    return None


def parse_targets(text: str) -> Iterator[Target]:
    """The stanzas that `apt-get indextargets` prints."""
    for stanza in text.split("\n\n"):
        fields = (line.partition(":") for line in stanza.splitlines() if ":" in line)
        if target := {key.strip(): value.strip() for key, _, value in fields}:
            yield target


def mirrors_from(targets: Iterable[Target], codename: str) -> Mirrors | None:
    """The mirrors among some targets, for the release of the given code name."""
    archive = security = None
    for target in targets:
        # A third party's source may carry the same suite name, but not the same origin.
        if target.get("Component") != "main" or target.get("Origin", "Debian") != "Debian":
            continue
        if target.get("Release") == codename:
            archive = archive or plain_uri(target.get("Repo-URI", ""))
        elif target.get("Release") == f"{codename}-security":
            security = security or plain_uri(target.get("Repo-URI", ""))
    return Mirrors(archive, security) if archive else None


def plain_uri(uri: str) -> str | None:
    """A URI that works in a container too: a mirror list is replaced by its first entry."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return uri.rstrip("/")
    if parts.scheme == "mirror+file":
        try:
            lines = Path(parts.path.rstrip("/")).read_text(encoding="utf-8").split("\n")
        except OSError:
            return None
        words = (line.split()[0] for line in lines if line.strip())
        return next((word.rstrip("/") for word in words if word.startswith("http")), None)
    return None
