"""Print a ring's packets without what they carry: the headers of link, IP, and TCP or ICMP alone.

Arguments: the ring's folder, and the time (Unix clock, seconds) before which nothing is wanted.
Prints a pcapng file in base64, whose comment says what was cut off. Each packet is cut behind its
last header; its length on the network stays in the record, so that a reader sees how much is gone.
"""

import base64
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scapy.config import conf
from scapy.error import Scapy_Exception
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP
from scapy.utils import RawPcapNgReader, RawPcapWriter

COMMENT = "hublab cut the payload of every packet off: headers only"


def headers(data: bytes, linktype: int) -> bytes:
    """A packet up to the end of its last header, of those that are known here."""
    packet = conf.l2types[linktype](data)
    if ARP in packet:
        return data
    kept = next((layer for layer in (TCP, IP, IPv6) if layer in packet), None)
    if kept is None:
        return b""
    if kept is IP and ICMP in packet:  # what it carries is the beginning of another packet
        kept = ICMP
    found = packet[kept]
    # The text of a layer as it came: its headers are what is not its payload.
    carried = len(found.payload.original) if found.payload else 0
    return data[: len(data) - carried]


def packets(path: Path) -> Iterator[tuple[bytes, Any]]:
    """The packets of a file, of one that is cut all that are whole."""
    try:
        yield from RawPcapNgReader(str(path))
    except (Scapy_Exception, EOFError) as cut:
        print(f"{path.name} is cut: {cut}", file=sys.stderr)


def main() -> None:
    folder, since = Path(sys.argv[1]), float(sys.argv[2])
    files = sorted(path for path in folder.glob("ring_*") if path.stat().st_mtime >= since)
    out, writer = io.BytesIO(), None
    for path in files:
        for data, meta in packets(path):
            ticks = (meta.tshigh << 32) + meta.tslow
            seconds, part = divmod(ticks, meta.tsresol)
            if ticks / meta.tsresol < since:
                continue
            if writer is None:
                writer = RawPcapWriter(out, linktype=meta.linktype, nano=True)
                writer.write_header(None)
            nanoseconds = part * 10**9 // meta.tsresol
            cut = headers(data, meta.linktype)
            writer.write_packet(cut, sec=seconds, usec=nanoseconds, wirelen=meta.wirelen)
    whole = out.getvalue()
    if whole:
        argv = ["editcap", "-F", "pcapng", "--capture-comment", COMMENT, "-", "-"]
        whole = subprocess.run(argv, input=whole, stdout=subprocess.PIPE, check=True).stdout
    print(base64.b64encode(whole).decode())


if __name__ == "__main__":
    main()
