"""What scenarios see does not depend on whether hubs and servers are forked or do their imports.

Scenarios run twice, once with `--lab-cold`; each probe's questions and answers are compared, test
by test. REMOVED is what is not.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lifecycle
import pytest

from hublab.journal.events import Observed, Verdict
from hublab.journal.file import Entry, read_journal

SAMPLE = (
    "scenarios/spawner_states/test_timeline.py",
    "scenarios/origin/test_cors_headers.py",
)
"""Hub and servers start anew in these, and answer many kinds of questions."""
REMOVED = (
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,\d]*(Z|[+-]\d\d:\d\d)?", "TIME"),
    (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [\w ]+ [\d:]+ GMT\b", "TIME"),
    (r"\b198\.1[89]\.\d+\.(\d+)\b", r"ADDRESS.\1"),
    (r"(?<=[.:\]\w]):\d{4,5}\b", ":PORT"),
    (r"\b(port|pid)(\W+)\d+\b", r"\1\2NUMBER"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "ID"),
    (r"\b[0-9a-f]{8,}\b", "ID"),
    (r"-?\d+\.\d+(e-?\d+)?", "FRACTION"),
    (r'(, )?"jupyterhub-user-[^"]*-oauth-state"', ""),
    (r'("state": )"[RSD][a-z]*"', r'\1"RUNS"'),
    (r'"jupyterhub-sshspawner keeps a server"|"sh -c \\"\$1\\" -IS.*?"(?=, "host")', "KEEPER"),
)
"""Times, the lab's network, ports, numbers of processes, ids, and whatever is no whole number:
durations and moments. A cookie that requests side by side may see of each other. Whether a process
runs or waits at the moment. The process beside a server, which is one of Python where it is warm,
and a shell where it is not."""


def plain(value: object) -> str:
    """A value without what differs between any two runs, cold ones among them."""
    text = json.dumps(value, sort_keys=True)
    for pattern, by in REMOVED:
        text = re.sub(pattern, by, text)
    return text


def observations(entries: Iterable[Entry]) -> dict[str, Counter[str]]:
    """The observations of each test, without their order: probes run side by side."""
    found: dict[str, Counter[str]] = {}
    now: Counter[str] = Counter()
    for _, event in entries:
        match event:
            case Observed(probe=probe, data=data):
                now[f"{probe} {plain(data)}"] += 1
            case Verdict(test=test, outcome=outcome):
                now[f"verdict {outcome}"] += 1
                found[test], now = now, Counter()
    return found


def run(paths: Iterable[str], journal: Path, *options: str) -> dict[str, Counter[str]]:
    """Run scenarios in one process, so that their observations follow each other."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    argv += [*paths, "-m", "not slow", f"--lab-journal={journal}", *options]
    lifecycle.output_of(*argv, cwd=lifecycle.ROOT)
    return observations(read_journal(journal))


def differences(warm: dict[str, Counter[str]], cold: dict[str, Counter[str]]) -> dict[str, Any]:
    """Of each test what one run saw and the other did not."""
    found = {}
    for test in warm.keys() | cold.keys():
        one, other = warm.get(test, Counter()), cold.get(test, Counter())
        if one != other:
            found[test] = {"warm": sorted(one - other), "cold": sorted(other - one)}
    return found


@pytest.mark.parametrize(
    "paths", [SAMPLE, pytest.param(("scenarios",), marks=pytest.mark.slow)], ids=["sample", "all"]
)
def test_the_same_observations_warm_and_cold(tmp_path: Path, paths: tuple[str, ...]) -> None:
    warm = run(paths, tmp_path / "warm.ndjson")
    cold = run(paths, tmp_path / "cold.ndjson", "--lab-cold")
    assert sum(map(Counter.total, warm.values())) > len(warm)  # each has a verdict; this asked more
    assert not (found := differences(warm, cold)), json.dumps(found, indent=1)


def test_what_differs_is_found() -> None:
    """An answer, a question more, and one twice; not a time or a port."""

    def seen(*answers: object) -> dict[str, Counter[str]]:
        asked = [Entry(0, Observed("probe", {"seen": answer})) for answer in answers]
        return observations([*asked, Entry(1, Verdict("test", "", "held", 1.0))])

    at = {"at": "2026-01-02T03:04:05.5Z", "url": "http://198.18.3.31:40123/", "took": 0.25}
    later = {"at": "2026-01-02T03:04:09Z", "url": "http://198.18.9.31:50123/", "took": 1.75}
    assert not differences(seen(at, 200), seen(200, later))
    assert differences(seen(200), seen(403)) == {
        "test": {"warm": ['probe {"seen": 200}'], "cold": ['probe {"seen": 403}']}
    }
    assert differences(seen(200), seen(200, 200))
    assert differences(seen({**at, "url": "http://198.18.3.32:40123/"}), seen(at))
