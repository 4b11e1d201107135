"""Which address leads where, with the answers of hub, proxy and servers."""
