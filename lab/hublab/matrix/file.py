"""A matrix in a TOML file. An error of syntax names the line, an error of meaning the key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hublab.cases.matrix import Axis
from hublab.cases.surroundings import check_axis_key, known_versions, topology
from hublab.errors import HublabError, SettingError, UsageError
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import PROBES, check_probe
from hublab.matrix.request_lines import parse_request
from hublab.settings.syntax import format_value, is_snippet, load_snippet
from hublab.settings.values import Settings

KEYS = ("topology", "probes", "requests", "set", "axes", "exclude")

EXAMPLE = """\
# A matrix: every combination of the axes is one case, and each case gets every probe.
# hublab matrix FILE

# Overlays of compose/ that the lab is made from.
topology = ["lab"]

# What is asked in each case. Known are:
{probes}
probes = ["sign-in", "spawn", "reach", "origin", "routes"]

# Requests from the client host through the proxy, each a column of its own.
requests = ["/hub/api/ --origin http://app.lab", "/hub/api/user --as alice --token"]

# Settings of every case.
[set]
"hub.Spawner.http_timeout" = 20

# Axes: a setting and its values. In the table the first one changes slowest. There are also
# topology ("lab", "lab+nginx"), fault ("none", "freeze node1", "partition hub node1",
# "clock node1 +3600"), version.hub and version.server ({versions}).
[[axes]]
setting = "hub.JupyterHub.hub_connect_ip"
values = ["hub", "127.0.0.1"]

[[axes]]
setting = "server.ServerApp.allow_origin"
values = ["", "*", "http://app.lab"]

# Combinations to leave out.
[[exclude]]
"hub.JupyterHub.hub_connect_ip" = "127.0.0.1"
"server.ServerApp.allow_origin" = "*"
"""


def example() -> str:
    """A commented file to begin with."""
    lines = [f"#   {name:13} {probe.help}" for name, probe in PROBES.items()]
    versions = ", ".join(f'"{one}"' for one in known_versions())
    return EXAMPLE.format(probes="\n".join(lines), versions=versions)


def read_file(path: Path) -> MatrixPlan:
    """The matrix in a file. Raises UsageError or SettingError, which say where."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=str(path)) from error
    try:
        # Some editors begin a file with a mark of its encoding. The last line is named if it ends.
        data = tomllib.loads(raw.decode("utf-8-sig") + "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError(f"no UTF-8: line {line}", where=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"no TOML: {error}", where=str(path)) from error
    return Reader(path, data).plan()


class Reader:
    """Reads one file's data, and names the key of what is wrong."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self._path = path
        self._data = data

    def plan(self) -> MatrixPlan:
        for key in self._data:
            if key not in KEYS:
                raise UsageError(f"unknown key {key!r}", where=self._at(key), hint=", ".join(KEYS))
        usual = MatrixPlan(())
        axes = tuple(self._axis(i, one) for i, one in enumerate(self._tables("axes")))
        keys = [axis.key for axis in axes]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise SettingError(f"two axes for {key}", where=self._at(f"axes[{index}].setting"))
        excluded = tuple(
            self._exclusion(i, one, axes) for i, one in enumerate(self._tables("exclude"))
        )
        probes = self._texts("probes", usual.probes)
        for index, name in enumerate(probes):
            check_probe(name, self._at(f"probes[{index}]"))
        requests = tuple(
            parse_request(text, where=self._at(f"requests[{index}]"))
            for index, text in enumerate(self._texts("requests", ()))
        )
        pinned, files = self._pinned(), self._topology(usual.topology)
        try:
            return MatrixPlan(axes, pinned, excluded, probes, requests, files)
        except HublabError as error:
            error.where = self._at(error.where or "axes")
            raise

    def _topology(self, usual: tuple[str, ...]) -> tuple[str, ...]:
        with self._naming("topology"):
            return topology("+".join(self._texts("topology", usual)))

    def _at(self, key: str) -> str:
        return f"{self._path}: {key}"

    @contextmanager
    def _naming(self, key: str) -> Iterator[None]:
        """Say of an error in the block which key it is about."""
        try:
            yield
        except HublabError as error:
            error.where = self._at(key)
            raise

    def _tables(self, key: str) -> list[dict[str, Any]]:
        found = self._data.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise UsageError(f"{key} are tables", where=self._at(key), hint=f"[[{key}]]")
        return found

    def _texts(self, key: str, usual: tuple[str, ...]) -> tuple[str, ...]:
        found = self._data.get(key, list(usual))
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise UsageError(f"{key} is a list of texts", where=self._at(key))
        return tuple(found)

    def _axis(self, index: int, table: dict[str, Any]) -> Axis:
        for key in table:
            if key not in ("setting", "values"):
                where = self._at(f"axes[{index}].{key}")
                raise UsageError(f"unknown key {key!r}", where=where, hint="setting, values")
        setting, values = table.get("setting"), table.get("values")
        if not isinstance(setting, str):
            raise UsageError("an axis has a setting", where=self._at(f"axes[{index}].setting"))
        if not isinstance(values, list):
            where = self._at(f"axes[{index}].values")
            raise UsageError("an axis has a list of values", where=where)
        part = "setting" if self._bad_key(setting) else "values"
        with self._naming(f"axes[{index}].{part}"):
            values = [self._value(setting, value) for value in values]
            return Axis.of(setting, values, where=self._at(f"axes[{index}].{part}"))

    def _bad_key(self, setting: str) -> bool:
        try:
            check_axis_key(setting)
        except SettingError:
            return True
        return False

    def _value(self, setting: str, value: Any) -> Any:
        if is_snippet(setting) and isinstance(value, str):  # beside the file
            return load_snippet(self._path.parent / value)
        return value

    def _pinned(self) -> Settings:
        found = self._data.get("set", {})
        if not isinstance(found, dict):
            raise UsageError("set is a table", where=self._at("set"), hint="[set]")
        values = {key: self._value(key, value) for key, value in found.items()}
        for key, value in values.items():
            with self._naming(f'set."{key}"'):
                Settings({key: value})
        return Settings(values)

    def _exclusion(
        self, index: int, table: dict[str, Any], axes: tuple[Axis, ...]
    ) -> dict[str, Any]:
        known = {axis.key: axis for axis in axes}
        found = {}
        if not table:
            where = self._at(f"exclude[{index}]")
            raise UsageError("it leaves out everything", where=where, hint="values of some axes")
        for key, value in table.items():
            where = self._at(f'exclude[{index}]."{key}"')
            if key not in known:
                raise UsageError("that is none of the axes", where=where, hint=", ".join(known))
            with self._naming(f'exclude[{index}]."{key}"'):
                [found[key]] = Axis.of(key, [self._value(key, value)]).values
            if found[key] not in known[key].values:
                values = ", ".join(format_value(key, one) for one in known[key].values)
                raise UsageError("the axis has no such value", where=where, hint=values)
        return found
