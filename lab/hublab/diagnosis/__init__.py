"""Judges what probes observed: what is wrong, which setting governs it, what helps. No I/O."""
