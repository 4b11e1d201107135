"""What survives a SIGKILL of its owner, and then removes the lab."""
