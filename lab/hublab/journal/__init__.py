"""The record of a run: typed events on one clock, without secrets."""
