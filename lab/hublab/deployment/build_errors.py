"""Why packages could not be installed, in the words of pip and apt, with the line that asks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from packaging.utils import canonicalize_name

from hublab.errors import HublabError, MachineError, UsageError
from hublab.topology.packages import Packages
from hublab.topology.positions import Position

FIRST_OF_PIP = re.compile(r"\s*(?:ERROR|error): ")
AT_WORK = re.compile(r"\s*(?:Collecting|Preparing metadata for|Building wheel for) ")
END_OF_ADVICE = "To fix this you could try"
ADVICE = ("ERROR: ResolutionImpossible", "note: This error originates")
FIRST_OF_APT = re.compile(r"E: ")
NETWORK = (
    "Temporary failure in name resolution",
    "Name or service not known",
    "Failed to establish a new connection",
    "Could not resolve",
    "Could not connect",
    "Connection refused",
    "Network is unreachable",
    "CERTIFICATE_VERIFY_FAILED",
)
NEEDS = {
    "Cannot find command 'git'": "git",
    "command 'gcc' failed": "build-essential and python3-dev",
    "Python.h": "python3-dev",
    "unable to execute 'gcc'": "build-essential and python3-dev",
    "command 'x86_64-linux-gnu-gcc' failed": "build-essential and python3-dev",
}
MOST_LINES = 12


def build_error(output: Sequence[str], packages: Packages) -> HublabError | None:
    """The error of pip or apt in a build's output; None if neither failed."""
    pip = [n for n, line in enumerate(output) if FIRST_OF_PIP.match(line)]
    apt = [line for line in output if FIRST_OF_APT.match(line)]
    if not (pip or apt):
        return None
    cause = "\n    ".join(cause_of_pip(output, pip[0]) if pip else apt[:MOST_LINES])
    whole = "\n".join(output)
    if reason := next((one for one in NETWORK if one in whole), None):
        return MachineError(
            f"no packages can be fetched ({reason}): {cause}",
            hint="a network, or an index that answers: --index-url URL in the requirements",
        )
    who = "pip" if pip else "apt"
    names = places_of_requirements(packages) if pip else packages.apt
    places = mentioned(cause, names) or whole_files(packages, names)
    needed = next((package for text, package in NEEDS.items() if text in whole), None)
    hint = f"`apt` or --hub-apt, --node-apt with {needed}" if needed else None
    return UsageError(
        f"{who} cannot install the packages: {cause}", where="\n".join(places), hint=hint
    )


def cause_of_pip(output: Sequence[str], first: int) -> list[str]:
    """pip's error, which begins at a line, without its advice and without blank lines.

    A package that cannot be built has no name there, so the line before that has it comes first.
    """
    kept = [line.strip() for line in output[:first] if AT_WORK.match(line)][-1:]
    if "subprocess" not in output[first]:
        kept = []
    for line in output[first:]:
        if line.startswith(END_OF_ADVICE) or "[end of output]" in line:
            break
        if line.strip() and not line.startswith(ADVICE):
            kept.append(line.strip())
    return kept if len(kept) <= MOST_LINES else [*kept[:3], "…", *kept[4 - MOST_LINES :]]


def places_of_requirements(packages: Packages) -> dict[str, Position]:
    """Distribution -> where it is asked for."""
    found = packages.requirements
    return {one.name: one.position for one in (*found.constraints, *found.lines) if one.name}


def mentioned(cause: str, places: Mapping[str, Position]) -> list[str]:
    """The places of the names that occur in a message."""
    words = {canonicalize_name(word) for word in re.findall(r"[A-Za-z0-9][\w.+-]*", cause)}
    found = [str(at) for name, at in places.items() if {name, canonicalize_name(name)} & words]
    return list(dict.fromkeys(found))


def whole_files(packages: Packages, places: Mapping[str, Position]) -> list[str]:
    """The files that ask for packages."""
    files = [*map(str, packages.requirements.files), *(str(at.file) for at in places.values())]
    return list(dict.fromkeys(files))
