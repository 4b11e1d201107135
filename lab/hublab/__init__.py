"""hublab: a JupyterHub whose parts run on different hosts, each with an address of its own."""

__version__ = "0.1.0.dev0"
