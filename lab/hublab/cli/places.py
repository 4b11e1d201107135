"""Files and folders that a command line names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class Place(click.Path):
    """A path of this machine.

    An empty one, as of a variable that is not set, is refused: it would be the present folder.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("it is empty, and no name of a file or folder", param, ctx)
        return super().convert(value, param, ctx)
