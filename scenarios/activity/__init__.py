"""Who counts as active, by whose clock, and which servers are culled."""
