"""Mutual TLS between hub, proxy and servers: which door opens to which certificate."""
