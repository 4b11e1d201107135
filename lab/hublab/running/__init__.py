"""A lab that runs: its hosts and programs, the hub's API, the people who use it, its settings."""
