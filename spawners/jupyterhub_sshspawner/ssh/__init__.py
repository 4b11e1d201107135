"""Signing in to a node and keeping the connections: whom to believe, what was refused."""
