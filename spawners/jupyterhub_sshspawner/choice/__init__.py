"""Which host a server goes to, and what its user may choose."""
