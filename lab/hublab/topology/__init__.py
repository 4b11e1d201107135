"""What a Compose file means to a lab: hosts, roles, addresses, and what is wrong with it."""
