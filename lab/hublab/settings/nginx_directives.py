"""Directives of nginx as settings: what a value may be, and the lines that its host gets.

`nginx.client_max_body_size=1m` replaces that directive of the lab's site, and
`nginx.proxy_set_header.Upgrade=` the one for that header. compose/images/reverse-proxy/make_site
finds the place of each. Source: nginx's documentation, "Configuration File's Structure".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

FILE = "nginx.directives"
"""Below /etc/hublab, on the reverse proxy's host."""
OF_MANY = ("proxy_set_header", "add_header")
"""Directives of which there is one for each header."""
NAME = re.compile(rf"(?!(?:{'|'.join(OF_MANY)})$)[a-z][a-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_-]*)?")
"""A directive, or one of many by its first word: which header is meant must be said."""
_QUOTED = r'"(?:[^"\\]|\\.)*"' + "|" + r"'(?:[^'\\]|\\.)*'"
_BARE = r"""(?:\$\{\w+\}|\\.|[^\s;{}"'#\\])(?:\$\{\w+\}|\\.|[^\s;{}\\])*"""
_WORD = f"(?:{_QUOTED}|{_BARE})"
_WORDS = re.compile(rf"\s*(?:{_WORD}(?:\s+{_WORD})*)?\s*")


def are_words(value: str) -> bool:
    """Whether nginx reads a value as words of one directive, which it does not end or open."""
    return bool(_WORDS.fullmatch(value))


def directive_of(option: str) -> str:
    """The name of an option's directive: `proxy_set_header` of `proxy_set_header.Upgrade`."""
    return option.partition(".")[0]


def directive_lines(values: Mapping[str, Any]) -> str:
    """The file of a host: a line for each directive, its first words, a tab, and its value.

    An empty value is an empty word of nginx, and false leaves the site's own directive out.
    """
    return "".join(
        f"{option.replace('.', ' ')}\t{value_of(value)}\n" for option, value in values.items()
    )


def value_of(value: Any) -> str:
    """A value as it stands in the file."""
    if value in (False, "false", "False"):
        return ""
    return str(value).strip() or '""'
