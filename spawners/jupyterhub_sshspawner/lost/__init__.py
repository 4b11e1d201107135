"""Servers that the hub has lost: their node is away, or the database does not know them."""
