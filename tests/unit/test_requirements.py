"""Requirements files of pip: what of them reaches a host, and where the rest is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hublab.topology.requirements import Requirements, logical_lines


def requirements_in(path: Path) -> Requirements:
    found = Requirements()
    found.read(path)
    return found


def read(folder: Path, text: str) -> Requirements:
    path = folder / "requirements.txt"
    path.write_text(text)
    return requirements_in(path)


def problems(found: Requirements) -> list[str]:
    return [f"{one.position.line}: {one.reason}" for one in found.problems if one.position]


def test_lines_keep_their_text_and_place(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "# for everybody\n"
        "\n"
        "Jupyter_Server.Proxy >=4  # an extension\n"
        "numpy==2.3.1 ; python_version >= '3.11' \\\n"
        "    --hash=sha256:00\n"
        "thing @ https://example.org/thing-1.0-py3-none-any.whl\n"
        "git+https://example.org/other.git@v1#egg=other\n",
    )
    assert not found.problems
    assert [(one.name, one.specifier, one.position.line) for one in found.lines] == [
        ("jupyter-server-proxy", ">=4", 3),
        ("numpy", "==2.3.1", 4),
        ("thing", "", 6),
        ("", "", 7),
    ]
    assert found.lines[1].text.endswith("--hash=sha256:00")
    assert [one.url for one in found.lines] == [False, False, True, True]


def test_included_files_are_read_from_beside_the_one_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("simpervisor\n-c pins.txt\n")
    (tmp_path / "more" / "pins.txt").write_text("jinja2==3.1.5\n")
    found = read(tmp_path, "-r more/base.txt\n--requirement=more/base.txt\n-rmore/base.txt\n")
    assert not found.problems
    assert [one.name for one in found.lines] == ["simpervisor"]
    assert [one.name for one in found.constraints] == ["jinja2"]
    assert [path.name for path in found.files] == ["requirements.txt", "base.txt", "pins.txt"]


def test_options_of_the_index_reach_pip(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "-i https://example.org/simple\n--extra-index-url=https://example.org/more\n"
        "--no-binary :all:\n--pre\n-f https://example.org/wheels\n",
    )
    assert not found.problems
    assert found.options == [
        "--index-url https://example.org/simple",
        "--extra-index-url https://example.org/more",
        "--no-binary :all:",
        "--pre",
        "--find-links https://example.org/wheels",
    ]


def test_all_that_cannot_be_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    found = read(
        tmp_path,
        "good\nnot a name\n-e .\n./folder\n./gone.whl\n--frobnicate\nx==1.0.*.2\n"
        "-r gone.txt\n-f wheels\nmine @ file:///srv/mine\n",
    )
    said = problems(found)
    assert [one.partition(":")[0] for one in said] == ["2", "3", "4", "5", "6", "7", "1", "9", "10"]
    assert "not a name" in said[0]
    assert said[1] == said[2].replace("4:", "3:")
    assert said[3] == f"5: there is no file {tmp_path / 'gone.whl'}"
    assert "--frobnicate" in said[4]
    assert "cannot read this file: No such file" in said[6]
    assert str(found.problems[6].position) == f"{tmp_path / 'gone.txt'}:1"


def test_an_option_without_its_value(tmp_path: Path) -> None:
    found = read(tmp_path, "-r\n--index-url\n--pre now\n")
    assert problems(found) == [
        "1: --requirement needs one value behind it",
        "2: --index-url needs one value behind it",
        "3: --pre is not an option of a requirements file",
    ]


def test_a_wheel_beside_the_file_goes_along(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    wheel = tmp_path / "dist" / "mine-1.0-py3-none-any.whl"
    wheel.write_bytes(b"")
    found = read(tmp_path, "dist/mine-1.0-py3-none-any.whl\n")
    assert not found.problems
    assert found.lines[0].path == wheel
    assert found.lines[0].name == "mine"
    assert found.lines[0].text == "/src/files/mine-1.0-py3-none-any.whl"


def test_a_variable_is_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDEX_TOKEN", "t0k3n")
    monkeypatch.delenv("NOT_THERE", raising=False)
    found = read(tmp_path, "-i https://me:${INDEX_TOKEN}@example.org/simple\nthing==${NOT_THERE}\n")
    assert found.options == ["--index-url https://me:t0k3n@example.org/simple"]
    assert problems(found) == ["2: your environment has no variable NOT_THERE"]


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_bytes(b"\xff\xfe")
    assert problems(requirements_in(path)) == ["1: cannot read this file: it is not UTF-8"]


def test_a_backslash_in_a_comment_joins_no_lines() -> None:
    assert list(logical_lines("# a \\\nb\nc\\\nd\n")) == [(1, "# a \\"), (2, "b"), (3, "cd")]
