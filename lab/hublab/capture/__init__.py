"""What the hosts of a lab say to each other: captured where it passes, read only when asked for."""
