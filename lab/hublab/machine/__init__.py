"""What this machine can do, and how to get the rest from its distribution's packages.

`capabilities` looks, `preparation` makes steps of what is missing, the others do them.
"""
