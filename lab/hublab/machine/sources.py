"""The Debian mirrors of this machine, read from its own package sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hublab.machine.commands import output_of
from hublab.machine.distribution import Distribution

Target = dict[str, str]


@dataclass(frozen=True, slots=True)
class Mirrors:
    """The URL of Debian's archive, and that of its security updates if it is known."""

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

    apt prints the origin of a source only after it has fetched its lists. On a machine that never
    ran `apt-get update` a second call reads the configuration alone.
    """
    if not machine.is_debian:
        return None
    for options in ([], ["--no-release-info"]):
        text = output_of(["apt-get", "indextargets", *options, "Created-By: Packages"]) or ""
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
        # A third party's source may have the same suite name, but not the same origin.
        if target.get("Component") != "main" or target.get("Origin", "Debian") != "Debian":
            continue
        if target.get("Release") == codename:
            archive = archive or plain_uri(target.get("Repo-URI", ""))
        elif target.get("Release") == f"{codename}-security":
            security = security or plain_uri(target.get("Repo-URI", ""))
    return Mirrors(archive, security) if archive else None


def plain_uri(uri: str) -> str | None:
    """A URI that also works in a container: the first entry of a mirror list, for example."""
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
