# ruff: noqa: F821
"""Two seconds for each request of the hub, for `http_timeout` is looked at between requests."""

from typing import Any

import aiohttp

c: Any  # what traitlets calls the configuration; given by the lab

c.JupyterHubHTTPClient.session_options = {"timeout": aiohttp.ClientTimeout(total=2)}
