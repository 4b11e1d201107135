"""`python -m hublab` is the command `hublab`."""

from hublab.cli import main

main()
