"""Experiments on how a distributed JupyterHub deployment behaves, a folder a subject."""
