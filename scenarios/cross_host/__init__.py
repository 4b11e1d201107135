"""Hub, proxy, servers and database on hosts of their own: addresses, restarts, broken links."""
