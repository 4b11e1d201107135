"""Why a server is started cold."""

from __future__ import annotations


class Cold(Exception):
    """The warm way would not give what the cold one gives; says why, in words for a log."""
