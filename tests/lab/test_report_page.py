"""The report opened in Chromium, without any network: what a reader sees, hears and can operate.

`look_at_report.mjs` looks; this file says what must be there. It takes 20 s, and a minute more
where the layers of the page's build are not there yet.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import containers
import pytest
from containers import Container
from made_run import CONNECT, MARKUP, write_long_run, write_made_run

from hublab.deployment.plan import make_plan
from hublab.deployment.role_images import with_labs_images
from hublab.engine import Engine
from hublab.paths import COMPOSE
from hublab.progress import silent
from hublab.report.page_files import export
from hublab.report.write import write_report

LOOK = Path(__file__).with_name("look_at_report.mjs")
RUN = "20261129T150000-abcd"
WIDE, PHONE = 1280, 390
CLAIM = "A server on another host is reached through the proxy."
MOST_BYTES = 15_000_000
READY, ANSWER = 10_000, 1_000
"""Milliseconds: three and five times what a quiet machine may take."""
SHOTS = "HUBLAB_SHOTS"
"""An environment variable: a folder for pictures of the views."""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with axe-core, which exists if the page's types and its data layer's tests hold."""
    folder = tmp_path_factory.mktemp("checked")
    export("test", folder, silent)
    return folder


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """The browser's image as a container without a network."""
    files = [COMPOSE / "lab.yaml", COMPOSE / "browser.yaml"]
    name = f"page-{os.getpid()}"
    resolved = with_labs_images(make_plan(files), name, Engine.connect(), silent)
    run = containers.TestRun("report-test")
    try:
        command = ["sleep", "infinity"]
        with run.container(resolved.images["browser"], "browser", command) as started:
            yield started
    finally:
        run.end()


def put(container: Container, files: dict[str, bytes]) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    assert container.get_wrapped_container().put_archive("/srv", data.getvalue())


def look(
    container: Container, checked: Path, pages: dict[str, Path], views: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What is there to see in each view of the pages."""
    shots = os.environ.get(SHOTS)
    given = [{"shot": f"/tmp/{n}.png" if shots else None, **view} for n, view in enumerate(views)]
    put(container, {
        **{name: path.read_bytes() for name, path in pages.items()},
        "axe.min.js": (checked / "axe.min.js").read_bytes(),
        "look.mjs": LOOK.read_bytes(),
        "views.json": json.dumps(given).encode(),
    })  # fmt: skip
    code, output = container.get_wrapped_container().exec_run(
        ["/opt/playwright/node", "/srv/look.mjs"], demux=True
    )
    assert code == 0, output[1].decode()
    if shots:
        stream, _ = container.get_wrapped_container().get_archive("/tmp")
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            archive.extractall(shots, filter="data")
    seen: list[dict[str, Any]] = json.loads(output[0])
    return seen


def test_a_report_is_readable_by_everybody_and_asks_nobody(
    tmp_path: Path, container: Container, checked: Path
) -> None:
    """Axe-core's rules for WCAG 2.2 AA find nothing, in light and dark, wide and on a phone.

    The file itself is the only request: its policy is `default-src 'none'`.
    """
    report, half = tmp_path / "report.html", tmp_path / "half.html"
    write_report(write_made_run(tmp_path / RUN), report, silent)
    write_report(write_made_run(tmp_path / "half" / RUN, ended=False), half, silent)
    places = {
        "overview": "",
        "failed": "#/case/2",
        "held": "#/case/0",
        "markup": "#/case/3",
        "fault": "#/case/4",
        "pair": "#/compare/2/0",
    }
    narrow = ("overview", "failed", "pair")  # axe-core takes a second for each view
    views: list[dict[str, Any]] = [
        {
            "file": "/srv/report.html",
            "place": place,
            "width": width,
            "dark": dark,
            "heard": not dark or name in narrow,
        }
        for name, place in places.items()
        for width, dark in ((WIDE, False), (PHONE, True))
    ]
    views[0]["keys"] = 4
    views.append({"file": "/srv/half.html", "place": "", "width": PHONE, "dark": False})
    views.append({**views[2], "show": True, "heard": True})
    pages = {"report.html": report, "half.html": half}
    *seen, shown = look(container, checked, pages, views)
    views.pop()
    assert (shown["said"], shown["violations"]) == ([], [])
    assert shown["lists"][0]["first"].startswith("−")
    assert shown["lists"][0]["before"] > 0
    violations = {
        f"{view['place']} {view['width']}": one["violations"]
        for view, one in zip(views, seen, strict=True)
        if one["violations"]
    }
    assert violations == {}
    for view, one in zip(views, seen, strict=True):
        assert one["said"] == [], view
        assert [url for url in one["requests"] if not url.startswith(("file:", "data:"))] == []
        assert one["width"] <= view["width"], view
        assert one["markup"] == 0, view
    texts = dict(zip(places, (one["text"] for one in seen[::2]), strict=False))
    assert texts["overview"].index("A server on another host is reached") < 200
    assert "Connection refused" in texts["overview"]
    assert seen[0]["focused"][:2] == [
        "hublab report",
        "A server on another host is reached through the proxy.",
    ]
    assert {one["heading"] for one in seen[2:-1]} == {"H1"}  # what is read next
    assert MARKUP in texts["markup"]
    assert seen[0]["title"].startswith(RUN)
    assert "503" in texts["failed"]
    for wide_or_narrow in seen[2:4]:
        assert [one["here"] for one in wide_or_narrow["lists"]] == [True, True]
        assert [one["before"] for one in wide_or_narrow["lists"]] == [0, 0]
        assert wide_or_narrow["jumps"]
    said = " ".join(texts["failed"].split())
    assert f"differs {CONNECT} is 127.0.0.1 here, hub in the nearest case that held" in said
    assert (
        f"governed by {CONNECT}: Connection refused at http://127.0.0.1:8081/hub/api (node1 → hub)"
        in said
    )
    assert "/hub/api/users" not in texts["failed"]
    assert "/hub/api/users" in shown["text"]
    assert "✕ 1 to itself" in texts["failed"]
    assert "GET /hub/api 200" in " ".join(texts["held"].split())
    assert "fault begins: freeze node1" in texts["fault"]
    assert "its capture lost 214 packets: the ring was full" in texts["fault"]
    assert "The first difference" in texts["pair"]
    assert "Half a run." in seen[-1]["text"]
    assert "Half a run." not in texts["overview"]


ODD: list[dict[str, Any]] = [
    {"kind": "lab_up", "hosts": [None, {"name": "hub"}, 7]},
    {"kind": "settings_applied", "lab": "x", "settings": None},
    {"kind": "exchange", "source": "client", "target": "hub"},
    {"kind": "connection", "seconds": "long"},
    {"kind": "from_the_future", "words": "of a later version"},
    {"kind": "observation", "probe": "reach", "data": {"seen": {"hops": [None, {"attempt": 1}]}}},
    {"kind": "activity", "user": 1, "last": "soon"},
    {"kind": "fault_begun"},
    {"kind": "verdict", "test": 7, "outcome": "failed", "places": ["x", [1]]},
    {"kind": "case_answered", "case": "k", "values": [], "cells": {"spawn": None}},
    {"kind": "verdict", "outcome": "of another version"},
    {"kind": "finding"},
    {"kind": "scenario"},
]


def test_an_odd_journal_is_shown_with_a_note(
    tmp_path: Path, container: Container, checked: Path
) -> None:
    """Lines of another version, without fields, without a beginning, and half a last line."""
    run, report = tmp_path / RUN, tmp_path / "odd.html"
    run.mkdir()
    lines = [json.dumps(dict(one, t=t)) for t, one in enumerate(ODD)]
    (run / "journal.ndjson").write_text("\n".join([*lines, "no line", '{"t": 99, "kind": "ver']))
    write_report(run, report, silent)
    places = ("", "#/case/0", "#/case/1", "#/case/2", "#/compare/0/1", "#/case/99")
    views: list[dict[str, Any]] = [
        {"file": "/srv/odd.html", "place": place, "width": WIDE, "dark": False, "heard": True}
        for place in places
    ]
    for view, one in zip(views, look(container, checked, {"odd.html": report}, views), strict=True):
        assert (one["said"], one["violations"]) == ([], []), view
        assert "cannot be shown" not in one["text"], view
        assert "1 line could not be read." in one["text"]
        assert "lack a field, or have something else in it (lab_up, " in one["text"]
        assert "1 line of kinds that this page does not know (from_the_future)" in one["text"]
        assert "does not say when its run began" in one["text"]


@pytest.mark.slow
def test_fifty_thousand_exchanges(tmp_path: Path, container: Container, checked: Path) -> None:
    """50,000 exchanges in 200 cases or in one: the file is small, opens, and a filter answers.

    Compared with a page of one exchange, and with a plain loop over as many texts, in the same
    browser. docs/reports.md has what was measured; the bounds are for machines that do other work.
    """
    runs = {"many": (200, 250), "one": (1, 50_000), "small": (1, 1)}
    pages = {}
    for name, (cases, exchanges) in runs.items():
        pages[f"{name}.html"] = tmp_path / f"{name}.html"
        run = write_long_run(tmp_path / name / RUN, cases, exchanges)
        write_report(run, pages[f"{name}.html"], silent)
        assert pages[f"{name}.html"].stat().st_size < MOST_BYTES
    base = {"place": "#/case/0", "width": WIDE, "dark": False}
    views = [
        {"file": f"/srv/{name}.html", **base, "find": None if name == "small" else "?content=7"}
        for name in runs
    ]
    seen = look(container, checked, pages, views)
    for name, one in zip(runs, seen, strict=True):
        print(name, pages[f"{name}.html"].stat().st_size, round(one["ready"]), one.get("found"))
    many, one, small = seen
    assert [each["said"] for each in seen] == [[], [], []]
    assert many["ready"] < small["ready"] + READY
    assert one["ready"] < small["ready"] + READY
    # The settings, and of a failed case the moment of its failure in place of its verdict.
    for each, rows in ((many, 252), (one, 50_002)):
        assert each["found"]["before"] == f"{rows} of {rows}"
        assert each["found"]["after"] != each["found"]["before"]
        assert each["found"]["milliseconds"] < ANSWER
