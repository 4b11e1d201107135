"""Asking a node: a request to the launcher there, and what may be believed of its answer."""
