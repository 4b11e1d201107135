"""A notebook with one cell that was not run."""

from __future__ import annotations

from typing import Any


def one_cell(source: str) -> dict[str, Any]:
    """The notebook, as the contents API takes it (nbformat 4.5)."""
    cell = {"cell_type": "code", "id": "one", "source": source, "metadata": {}, "outputs": []}
    return {
        "cells": [{**cell, "execution_count": None}],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
