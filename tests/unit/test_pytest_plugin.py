"""The plugin without Docker: cases, ids, order, selection, coroutines."""

from __future__ import annotations

import json

import pytest
from plugin_project import CONFTEST

from hublab.journal.file import read_journal

pytest_plugins = ("pytester", "plugin_suite")

TELLS_ITS_END = """
from pathlib import Path
@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(config):
    Path("ended").touch()
"""
ORIGIN = "server.ServerApp.allow_origin"
SCENARIO = f"""\
import pytest
pytestmark = pytest.mark.topology("lab")

@pytest.mark.matrix("{ORIGIN}", ["", "*"])
async def test_origin(lab, case):
    assert case["{ORIGIN}"] in ("", "*", "new")

def test_plain(lab):
    pass
"""


def collected(suite: pytest.Pytester, *options: str) -> list[str]:
    """The ids of what would run, in order, without the file's name."""
    result = suite.runpytest("--collect-only", "-q", *options)
    assert result.ret == pytest.ExitCode.OK, result.stdout.str() + result.stderr.str()
    return [line.partition("::")[2] for line in result.outlines if "::" in line]


def refused(suite: pytest.Pytester, *options: str) -> str:
    """What pytest says when it does not even begin."""
    result = suite.runpytest(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    return result.stderr.str()


def test_a_matrix_makes_items_with_readable_ids(suite: pytest.Pytester) -> None:
    suite.makepyfile(SCENARIO)
    assert collected(suite) == [
        f"test_origin[{ORIGIN}=]",
        f"test_origin[{ORIGIN}=*]",
        "test_plain",
    ]


def test_scenarios_run_as_plain_coroutines_on_one_loop(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import asyncio, pytest
        loops = set()

        async def test_by_fixture(lab):
            loops.add(asyncio.get_running_loop())

        @pytest.mark.topology("lab")
        async def test_by_marker():
            loops.add(asyncio.get_running_loop())

        class TestInAClass:
            async def test_method(self, lab):
                loops.add(asyncio.get_running_loop())

        def test_one_loop():
            assert len(loops) == 1

        @pytest.mark.topology("lab")
        async def test_that_fails():
            assert False, "it was awaited"

        @pytest.mark.asyncio(loop_scope="function")
        async def test_with_rules_of_its_own(lab):
            assert asyncio.get_running_loop() not in loops
        """
    )
    result = suite.runpytest("-p", "no:randomly")
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["*it was awaited*"])


def test_other_coroutines_are_left_alone(suite: pytest.Pytester) -> None:
    suite.makepyfile("async def test_x(): pass")
    assert suite.runpytest().ret == pytest.ExitCode.TESTS_FAILED


def test_axis_options_replace_and_add_axes(suite: pytest.Pytester) -> None:
    suite.makepyfile(SCENARIO)
    options = ("--axis", f'{ORIGIN}=["new"]', "--axis", "hub.A.b=1,2")
    assert collected(suite, *options) == [
        f"test_origin[hub.A.b=1;{ORIGIN}=new]",
        f"test_plain[hub.A.b=1;{ORIGIN}=new]",
        f"test_origin[hub.A.b=2;{ORIGIN}=new]",
        f"test_plain[hub.A.b=2;{ORIGIN}=new]",
    ]
    suite.runpytest(*options).assert_outcomes(passed=4)


def test_an_axis_may_be_what_surrounds_the_settings(suite: pytest.Pytester) -> None:
    """The same words as for `hublab matrix`; tests of one topology stay together."""
    suite.makepyfile(
        """
        import pytest
        from hublab.pytest_plugin.topologies import topology_of

        @pytest.mark.topology("lab", "browser")
        def test_x(lab, case, request):
            asked = case["topology"].split("+")
            assert set(topology_of(request.node)) == {"lab", "browser", *asked}
        """
    )
    options = ("--axis", "fault=none,freeze node1", "--axis", "topology=lab,nginx")
    assert collected(suite, *options) == [
        "test_x[topology=lab;fault=none]",
        "test_x[topology=lab;fault=freeze:node1]",
        "test_x[topology=lab+nginx;fault=none]",
        "test_x[topology=lab+nginx;fault=freeze:node1]",
    ]
    suite.runpytest(*options).assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--axis", "topolgy=lab"), "no axis 'topolgy'"),
        (("--axis", "fault=freze hub"), "no fault 'freze'"),
        (("--axis", "topology=lab", "--lab-file", "pytest.ini"), "so does --lab-file"),
        (
            ("--axis", "hub.A.a=" + ",".join(map(str, range(1001)))),
            "these axes make 1,001 cases (1001); 1,000 is the most",
        ),
    ],
)
def test_an_axis_that_cannot_be_is_refused_at_once(
    suite: pytest.Pytester, options: tuple[str, ...], said: str
) -> None:
    suite.makepyfile(SCENARIO)
    assert said in refused(suite, *options)


def test_a_set_option_pins_a_setting_in_every_case(suite: pytest.Pytester) -> None:
    suite.makepyfile(SCENARIO)
    assert collected(suite, "--set", f"{ORIGIN}=*") == [
        f"test_origin[{ORIGIN}=*]",
        f"test_plain[{ORIGIN}=*]",
    ]
    result = suite.runpytest("--set", f"{ORIGIN}=other")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"hublab: --set {ORIGIN}=other"])


def test_a_test_without_a_case_is_left_alone(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_x(): pass")
    assert collected(suite, "--axis", "hub.A.b=1,2") == ["test_x"]


def test_decorators_multiply_in_reading_order(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        pytestmark = [pytest.mark.matrix("hub.A.c", [1]), pytest.mark.matrix("hub.A.z", [0, 9])]

        @pytest.mark.matrix("hub.A.c", [2, 3])
        @pytest.mark.matrix("hub.A.b", ["x", "y"])
        @pytest.mark.matrix("hub.A.z", [5])
        def test_x(case):
            assert isinstance(case["hub.A.c"], int)
        """
    )
    assert collected(suite) == [
        "test_x[hub.A.b=x;hub.A.c=2;hub.A.z=5]",
        "test_x[hub.A.b=y;hub.A.c=2;hub.A.z=5]",
        "test_x[hub.A.b=x;hub.A.c=3;hub.A.z=5]",
        "test_x[hub.A.b=y;hub.A.c=3;hub.A.z=5]",
    ]
    suite.runpytest().assert_outcomes(passed=4)


def test_a_snippet_is_found_in_the_folder_of_its_test(suite: pytest.Pytester) -> None:
    folder = suite.mkdir("deeper")
    (folder / "hook.py").write_text("c.Spawner.x = 1\n")
    (folder / "test_s.py").write_text(
        "import pytest\n"
        "@pytest.mark.matrix('hub.snippet', ['hook.py'])\n"
        "def test_s(case): assert case.settings.snippet('hub') == 'c.Spawner.x = 1\\n'\n"
    )
    suite.runpytest().assert_outcomes(passed=1)


def test_tests_with_the_same_lab_and_case_run_together(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        ab = pytest.mark.matrix("hub.A.x", ["a", "b"])
        def test_alone(): pass
        @ab
        def test_1(lab): pass
        @pytest.mark.topology("lab", "postgres")
        def test_2(lab): pass
        @ab
        def test_3(lab): pass
        def test_alone_too(): pass
        @pytest.mark.topology("lab", "postgres")
        def test_4(lab): pass
        """
    )
    assert collected(suite) == [
        "test_alone",
        "test_alone_too",
        "test_1[hub.A.x=a]",
        "test_3[hub.A.x=a]",
        "test_1[hub.A.x=b]",
        "test_3[hub.A.x=b]",
        "test_2",
        "test_4",
    ]


def test_workers_keep_a_topology_together(suite: pytest.Pytester) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed here")
    suite.makepyfile(
        """
        import pytest
        @pytest.mark.parametrize("n", range(6))
        def test_1(lab, n, worker_id, record_property): record_property("on", f"lab-{worker_id}")

        @pytest.mark.topology("other")
        @pytest.mark.parametrize("n", range(6))
        def test_2(lab, n, worker_id, record_property): record_property("on", f"other-{worker_id}")
        """
    )
    result = suite.runpytest_subprocess("-p", "xdist.plugin", "-n2", "-v", "--junitxml=out.xml")
    result.assert_outcomes(passed=12)
    places = set((suite.path / "out.xml").read_text().split('name="on" value="')[1:])
    workers = {place.partition('"')[0] for place in places}
    assert len(workers) == 2, "a topology is on several workers (pytest 9.2: pytest-xdist#1386)"
    result.stdout.fnmatch_lines(["*::test_2*@other:*"])
    result.stdout.no_fnmatch_line("*PASSED*@*")


def test_workers_that_pass_leave_no_evidence(suite: pytest.Pytester) -> None:
    """One ends while the other still writes; the journal that was asked for has both."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed here")
    suite.makeconftest(f"{CONFTEST}\n{TELLS_ITS_END}")
    suite.makepyfile(
        """
        import time
        from pathlib import Path
        import pytest
        from hublab.journal.events import LabDown
        from hublab.pytest_plugin.evidence_store import EVIDENCE
        @pytest.mark.topology("lab")
        def test_that_ends_first(lab, request):
            request.config.stash[EVIDENCE].record(LabDown("one", 0.0, ()))
        @pytest.mark.topology("lab", "postgres")
        def test_that_ends_last(lab, request):
            request.config.stash[EVIDENCE].record(LabDown("other", 0.0, ()))
            end = time.monotonic() + 60
            while not Path("ended").exists():
                assert time.monotonic() < end, "the other worker goes on"
                time.sleep(0.05)
        """
    )
    result = suite.runpytest_subprocess("-p", "xdist.plugin", "-n2", "--lab-journal=all.ndjson")
    result.assert_outcomes(passed=2)
    assert not (suite.path / "evidence").exists()
    result.stdout.no_fnmatch_line("*evidence in*")
    ends = [e.event for e in read_journal(suite.path / "all.ndjson") if e.event.kind == "lab_down"]
    assert {getattr(end, "lab", "") for end in ends} == {"one", "other"}


def test_a_journal_needs_a_folder(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("--lab-journal=nowhere/all.ndjson")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--lab-journal: there is no folder nowhere*"])


def test_a_journal_is_no_folder(suite: pytest.Pytester) -> None:
    for given in ("", "."):
        result = suite.runpytest_subprocess(f"--lab-journal={given}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*--lab-journal: . is a folder*"])


def test_a_capture_that_would_not_be_kept_is_refused(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("--lab-capture", "--lab-evidence=none")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--lab-capture keeps nothing with --lab-evidence=none*"])


def test_the_failure_of_one_worker_keeps_the_evidence_of_all(suite: pytest.Pytester) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed here")
    suite.makepyfile(
        """
        import pytest
        from hublab.journal.events import LabDown
        from hublab.pytest_plugin.evidence_store import EVIDENCE
        @pytest.mark.topology("lab")
        def test_that_fails(lab, request):
            request.config.stash[EVIDENCE].record(LabDown("one", 0.0, ()))
            assert False
        @pytest.mark.topology("lab", "postgres")
        def test_that_passes(lab, request):
            request.config.stash[EVIDENCE].record(LabDown("other", 0.0, ()))
        """
    )
    result = suite.runpytest_subprocess("-p", "xdist.plugin", "-n2")
    result.assert_outcomes(passed=1, failed=1)
    (journal,) = suite.path.glob("evidence/*/journal.ndjson")
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    assert {row["lab"] for row in rows if row["kind"] == "lab_down"} == {"one", "other"}


def test_the_issue_option_selects_tests(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        @pytest.mark.issue("jupyterhub#2000", "jupyterhub#17")
        def test_1(): pass
        @pytest.mark.issue("jupyterhub#200")
        def test_2(): pass
        @pytest.mark.slow
        def test_3(): pass
        """
    )
    assert collected(suite, "--issue", "JupyterHub#2000") == ["test_1"]
    assert collected(suite, "--issue", "jupyterhub#17", "--issue", "jupyterhub#200") == [
        "test_1",
        "test_2",
    ]
    assert collected(suite, "-m", "not slow") == ["test_1", "test_2"]
    assert "no test here is about jupyterhub#20; near: jupyterhub#20" in refused(
        suite, "--issue", "jupyterhub#20"
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--axis", "hub.A.b"), "no '='"),
        (("--axis", "hubs.A.b=1"), "hint: hub.A.b"),
        (("--axis", "hub.A.b=1", "--axis", "hub.A.b=2"), "two axes for hub.A.b"),
        (("--set", "hub.A.b=1", "--set", "hub.A.b=2"), "given twice"),
        (("--lab-file", "none.yaml"), "--lab-file: there is no file /"),
    ],
)
def test_bad_options_end_the_run_before_it_begins(
    suite: pytest.Pytester, options: tuple[str, ...], expected: str
) -> None:
    suite.makepyfile("def test_x(): raise AssertionError('it ran')")
    assert expected in refused(suite, *options)


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("matrix('hub.A.b', 'text')", "matrix takes a setting and a list"),
        ("matrix('hub.A.b')", "matrix takes a setting and a list"),
        ("matrix('hub.A.b', [1, 1])", "'1' twice"),
        ("matrix('hub.A', [1])", "hub.<Class>.<trait>"),
        ("topology()", "topology takes names"),
    ],
)
def test_bad_markers_name_the_test(suite: pytest.Pytester, marker: str, expected: str) -> None:
    suite.makepyfile(f"import pytest\n@pytest.mark.{marker}\ndef test_x(case): pass\n")
    result = suite.runpytest()
    said = result.stdout.str() + result.stderr.str()
    assert result.ret != pytest.ExitCode.OK
    assert expected in said
    assert "test_bad_markers_name_the_test.py::test_x" in said
    assert "Traceback" not in said


def test_options_reach_the_lab(suite: pytest.Pytester) -> None:
    suite.makefile(".yaml", mine="services: {}")
    suite.makepyfile(
        """
        from hublab.pytest_plugin.topologies import lab_options
        def test_x(request, tmp_path):
            options = lab_options(request.config)
            assert (options.name, options.keep) == ("mine", True)
            assert [file.name for file in options.files] == ["mine.yaml"]
            assert options.files[0].is_absolute()
        """
    )
    options = ("--lab-name", "mine", "--lab-keep", "--lab-file", "mine.yaml")
    suite.runpytest(*options).assert_outcomes(passed=1)


def test_collecting_needs_no_docker(suite: pytest.Pytester) -> None:
    suite.makepyfile(SCENARIO)
    suite.makeconftest(
        CONFTEST
        + "import sys\n"
        + "def pytest_sessionfinish():\n"
        + "    assert not {'docker', 'asyncssh', 'aiohttp'} & sys.modules.keys()\n"
    )
    result = suite.runpytest_subprocess("--collect-only", "-q")
    assert result.ret == pytest.ExitCode.OK


def test_a_secret_is_in_no_id_and_no_header(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(lab): pass")
    pin = "hub.DummyAuthenticator.password=geheimnis"
    axis = "hub.X.token=geheimnis,anderes"
    result = suite.runpytest("--collect-only", "-v", "--set", pin, "--axis", axis)
    assert result.ret == pytest.ExitCode.OK
    said = result.stdout.str() + result.stderr.str()
    assert "geheimnis" not in said
    assert "anderes" not in said
    assert "hublab: --set hub.DummyAuthenticator.password=~" in said
    ids = collected(suite, "--set", pin, "--axis", axis)
    assert len(set(ids)) == 2
    assert not [one for one in ids if "geheimnis" in one]
