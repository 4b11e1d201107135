"""A topology as a picture: hosts with their addresses, and which host connects to which.

Pure: Mermaid text, and SVG with its own layout, one column a role. Names come from files, so they
are escaped for Mermaid here and for SVG by the XML library.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hublab.roles import BY_NAME, split_label
from hublab.topology.model import Topology

CONNECTIONS = (
    ("client", "proxy", "HTTP"),
    ("browser", "proxy", "HTTP"),
    ("client", "reverse-proxy", "HTTP"),
    ("browser", "reverse-proxy", "HTTP"),
    ("reverse-proxy", "proxy", "HTTP"),
    ("proxy", "hub", "/hub"),
    ("proxy", "node", "/user/…"),
    ("hub", "proxy", "routes"),
    ("hub", "node", "SSH"),
    ("hub", "bastion", "SSH"),
    ("bastion", "node", "SSH"),
    ("node", "hub", "API"),
    ("hub", "database", "SQL"),
    ("hub", "identity-provider", "sign-in"),
    ("client", "identity-provider", "sign-in"),
    ("browser", "identity-provider", "sign-in"),
    ("client", "other-hub", "HTTP"),
    ("browser", "other-hub", "HTTP"),
    ("other-hub", "identity-provider", "sign-in"),
    ("hub", "certificate-authority", "certificates"),
)
"""Which role opens connections to which, and for what."""
BEHIND_REVERSE_PROXY = (("client", "proxy"), ("browser", "proxy"))
"""Connections that lead through the reverse proxy where a topology has one."""
HUB_COLUMN = BY_NAME["hub"].column
WIDTH, LINE, GAP_X, GAP_Y, MARGIN = 190, 17, 110, 36, 24
MERMAID_PLAIN = frozenset(" .,:/_-()…")


@dataclass(frozen=True, slots=True)
class Box:
    """A host as it is drawn: its name, its role, then the other lines."""

    name: str
    role: str
    lines: tuple[str, ...]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of the host, which may be several."""
        return split_label(self.role)

    @property
    def column(self) -> int:
        """The column of its first role."""
        return BY_NAME[self.roles[0]].column

    @property
    def height(self) -> int:
        return LINE * (len(self.lines) + 2) + 10


@dataclass(frozen=True, slots=True)
class Arrow:
    """One host opens connections to another."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Graph:
    """A title, boxes and arrows, before any format."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def graph_of(
    topology: Topology, name: str, extra: Mapping[str, Sequence[str]] | None = None
) -> Graph:
    """The picture of a lab's topology; `extra` adds lines to hosts: a state, the servers there."""
    more = extra or {}
    boxes = tuple(
        Box(host.name, host.role, (*addresses(host.addresses), *more.get(host.name, ())))
        for host in topology.hosts
    )
    subnets = ", ".join(f"{name} {subnet}" for name, subnet in topology.subnets.items())
    return Graph(f"{name}: {subnets}", boxes, tuple(arrows(boxes)))


def addresses(networks: Mapping[str, str]) -> tuple[str, ...]:
    """The addresses of a host; with network names if there are several."""
    if len(networks) == 1:
        return tuple(networks.values())
    return tuple(f"{address} ({network})" for network, address in networks.items())


def arrows(boxes: Iterable[Box]) -> Iterable[Arrow]:
    """The connections between hosts, by role, through a bastion or reverse proxy if present."""
    hosts = list(boxes)
    present = {role for box in hosts for role in box.roles}
    for source, target, label in CONNECTIONS:
        if "bastion" in present and (source, target) == ("hub", "node"):
            continue
        if "reverse-proxy" in present and (source, target) in BEHIND_REVERSE_PROXY:
            continue
        for one in hosts:
            for other in hosts:
                if one is not other and source in one.roles and target in other.roles:
                    yield Arrow(one.name, other.name, label)


def as_mermaid(graph: Graph) -> str:
    """A flowchart in Mermaid's text, which GitHub and Jupyter draw."""
    ids = {box.name: f"h{number}" for number, box in enumerate(graph.boxes)}
    lines = ["flowchart LR", f'  subgraph lab["{mermaid_text(graph.title)}"]']
    for box in graph.boxes:
        text = "<br>".join(map(mermaid_text, (box.name, box.role, *box.lines)))
        lines.append(f'    {ids[box.name]}["{text}"]')
    lines.append("  end")
    lines += [
        f'  {ids[arrow.source]} -->|"{mermaid_text(arrow.label)}"| {ids[arrow.target]}'
        for arrow in graph.arrows
    ]
    return "\n".join(lines) + "\n"


def mermaid_text(text: str) -> str:
    """A text in Mermaid's quotes: every character with a special meaning becomes an entity."""
    return "".join(c if c.isalnum() or c in MERMAID_PLAIN else f"#{ord(c)};" for c in text)


def as_svg(graph: Graph) -> str:
    """The graph as SVG: one column for each kind of role, arrows from border to border."""
    places = layout(graph.boxes)
    width = max((x for x, _ in places.values()), default=0) + WIDTH + MARGIN
    height = max((places[b.name][1] + b.height for b in graph.boxes), default=0) + MARGIN
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height}",
            "width": str(width),
            "height": str(height),
            "font-family": "sans-serif",
            "font-size": "13",
        },
    )
    ET.SubElement(root, "title").text = graph.title
    add_marker(root)
    write(root, MARGIN, MARGIN, graph.title, weight="bold")
    boxes = {box.name: box for box in graph.boxes}
    for arrow in graph.arrows:
        draw_arrow(root, arrow, boxes, places)
    for box in graph.boxes:
        draw_box(root, box, *places[box.name])
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def layout(boxes: Sequence[Box]) -> dict[str, tuple[int, int]]:
    """Upper left corners. The hub's column starts higher, so that it hides no arrow to nodes."""
    places: dict[str, tuple[int, int]] = {}
    used = sorted({box.column for box in boxes})
    for place, column in enumerate(used):
        y = 2 * MARGIN + (0 if column == HUB_COLUMN else 2 * GAP_Y)
        for box in (box for box in boxes if box.column == column):
            places[box.name] = (MARGIN + place * (WIDTH + GAP_X), y)
            y += box.height + GAP_Y
    return places


def add_marker(root: ET.Element) -> None:
    """The head of an arrow."""
    shape = {"viewBox": "0 0 8 8", "refX": "8", "refY": "4"}
    size = {"markerWidth": "8", "markerHeight": "8", "orient": "auto"}
    marker = ET.SubElement(ET.SubElement(root, "defs"), "marker", {"id": "head", **shape, **size})
    ET.SubElement(marker, "path", {"d": "M0,0 L8,4 L0,8 z", "fill": "#555"})


def write(
    root: ET.Element, x: float, y: float, text: str, weight: str = "normal", anchor: str = "start"
) -> None:
    place = {"x": f"{x:.0f}", "y": f"{y:.0f}", "text-anchor": anchor, "font-weight": weight}
    ET.SubElement(root, "text", place).text = text


def draw_box(root: ET.Element, box: Box, x: int, y: int) -> None:
    """Draw the box of a host."""
    place = {"x": str(x), "y": str(y), "width": str(WIDTH), "height": str(box.height), "rx": "6"}
    paint = {"fill": BY_NAME[box.roles[0]].fill, "stroke": "#555"}
    ET.SubElement(root, "rect", {**place, **paint})
    for number, line in enumerate((box.name, box.role, *box.lines)):
        weight = "normal" if number else "bold"
        write(root, x + 10, y + LINE * (number + 1) + 2, line, weight)


def draw_arrow(
    root: ET.Element,
    arrow: Arrow,
    boxes: Mapping[str, Box],
    places: Mapping[str, tuple[int, int]],
) -> None:
    """Draw a line between the facing sides of two hosts; the way back is a little lower."""
    (x1, y1), (x2, y2) = places[arrow.source], places[arrow.target]
    back = x2 < x1
    shift = 8 if back else -8
    start = (float(x1 if back else x1 + WIDTH), y1 + boxes[arrow.source].height / 2 + shift)
    end = (float(x2 + WIDTH if back else x2), y2 + boxes[arrow.target].height / 2 + shift)
    if x1 == x2:
        middle = x1 + WIDTH / 2
        start, end = (middle, float(y1 + boxes[arrow.source].height)), (middle, float(y2))
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    line = {key: f"{value:.0f}" for key, value in ends.items()}
    ET.SubElement(root, "line", {**line, "stroke": "#555", "marker-end": "url(#head)"})
    # A third of the way, where the arrows from one host have parted and not yet met others.
    x, y = (a + (b - a) / 3 for a, b in zip(start, end, strict=True))
    write(root, x, y + (14 if back else -4), arrow.label, anchor="middle")
