"""The proxy's table of routes: who writes it, and what restarts do to it."""
