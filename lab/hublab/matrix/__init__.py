"""Tries every combination of settings on a lab, and says what is seen; it expects nothing.

`plan` is what to try, `file` reads it from TOML, `probes` are the questions to each case, `run`
puts the lab into one case after another, `results` keeps what was seen.
"""
