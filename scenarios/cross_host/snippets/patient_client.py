"""The hub's HTTP client as it is by default: five minutes for each request (aiohttp)."""
