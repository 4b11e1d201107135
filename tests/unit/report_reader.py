"""Reads a report's file as a browser's parser does, and unpacks the journal in it."""

from __future__ import annotations

import base64
import gzip
from html.parser import HTMLParser


class Elements(HTMLParser):
    """The elements of a page, and the texts of its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.names: list[str] = []
        self._attributes: dict[str, str | None] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self._attributes = dict(attrs) if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self._attributes is not None:
            self.scripts.append((self._attributes, data))

    def handle_endtag(self, tag: str) -> None:
        self._attributes = None

    def lines(self) -> list[str]:
        """The lines of the journal that the page carries."""
        pieces = [text for attributes, text in self.scripts if attributes.get("type")]
        return "\n".join(gzip.decompress(base64.b64decode(text)).decode() for text in pieces).split(
            "\n"
        )
