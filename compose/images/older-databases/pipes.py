"""Of a module that Python 3.13 has not any more, what JupyterHub 2.3 takes of it."""

from shlex import quote as quote
