"""The hub takes each report as if it came from now."""

from datetime import UTC, datetime
from typing import Any


def now(parse: Any, timestamp: str) -> datetime:
    parse(timestamp)
    return datetime.now(UTC).replace(tzinfo=None)


CHANGES = {"jupyterhub.apihandlers.users:_parse_timestamp": now}
