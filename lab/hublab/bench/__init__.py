"""Benchmarks: every figure is a ratio to a floor that the same run measures, in turn with it."""
