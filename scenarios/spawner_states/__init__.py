"""A server from its start to its end: states, hooks, limits, timeouts, failures."""
