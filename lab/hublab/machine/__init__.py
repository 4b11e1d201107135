"""Finds what this machine lacks for a lab, and installs it from the distribution's packages.

`capabilities` looks, `preparation` plans a step for each missing part, the other modules do them.
"""
