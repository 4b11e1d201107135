"""What a kernel can do, from its configuration and its folder of modules."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from hublab.machine.kernel import Kernel, Modules, parse_features, read_features, read_modules

CONFIG = """\
#
# Automatically generated
CONFIG_NF_TABLES=y
CONFIG_NET_SCH_NETEM=m
# CONFIG_NFT_QUEUE is not set
CONFIG_CC_VERSION_TEXT="gcc = 14"
"""
NO_MODULES = Modules(frozenset(), complete=False)


def test_features() -> None:
    assert dict(parse_features(CONFIG)) == {
        "NF_TABLES": "y",
        "NET_SCH_NETEM": "m",
        "CC_VERSION_TEXT": '"gcc = 14"',
    }


@pytest.mark.parametrize(
    "place", ["proc/config.gz", "boot/config-6.12.1", "lib/modules/6.12.1/config"]
)
def test_where_the_configuration_stands(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress(CONFIG.encode()) if place.endswith("gz") else CONFIG.encode())
    features = read_features("6.12.1", tmp_path)
    assert features is not None
    assert features["NF_TABLES"] == "y"
    assert read_features("6.12.2", tmp_path / "none") is None


def test_modules(tmp_path: Path) -> None:
    (tmp_path / "modules.builtin").write_text("kernel/net/ipv4/udp-tunnel.ko\n")
    (tmp_path / "modules.dep").write_text("kernel/net/sched/sch_netem.ko.xz: kernel/x.ko.xz\n")
    (tmp_path / "loaded").write_text("veth 40960 0 - Live 0x0\n")
    found = read_modules(tmp_path, tmp_path / "loaded")
    assert found == Modules(frozenset({"udp_tunnel", "sch_netem", "veth"}), complete=True)
    assert read_modules(tmp_path / "none", tmp_path / "none") == NO_MODULES


@pytest.mark.parametrize(
    ("kernel", "option", "module", "has"),
    [
        (Kernel({"VXLAN": "y"}, NO_MODULES), "VXLAN", "vxlan", True),
        (Kernel({}, NO_MODULES), "VXLAN", "vxlan", False),
        # A module that is configured, but whose package is not installed.
        (Kernel({"VXLAN": "m"}, NO_MODULES), "VXLAN", "vxlan", False),
        (Kernel({"VXLAN": "m"}, Modules(frozenset({"vxlan"}), True)), "VXLAN", "vxlan", True),
        (Kernel(None, Modules(frozenset({"vxlan"}), False)), "VXLAN", "vxlan", True),
        (Kernel(None, Modules(frozenset({"veth"}), False)), "VXLAN", "vxlan", None),
        (Kernel(None, Modules(frozenset({"veth"}), True)), "VXLAN", "vxlan", False),
    ],
)
def test_has(kernel: Kernel, option: str, module: str, has: bool | None) -> None:
    assert kernel.has(option, module) is has
