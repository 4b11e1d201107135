"""One server's life: the request for it, its tunnels, polls, its end, its log."""
