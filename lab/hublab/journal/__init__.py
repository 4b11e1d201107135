"""What a run saw: typed events on one clock, without secrets."""
