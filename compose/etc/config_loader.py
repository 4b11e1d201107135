"""Runs a configuration file as JupyterHub's own loader does, and keeps account of its parts."""

import tokenize
from collections.abc import Sequence

from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader


class Loader(PyFileConfigLoader):
    """Loads one file with its subconfigs, whose relative names are of the file's folder.

    `sources` has the text of each file that ran. `missing` names the subconfigs that are not here:
    traitlets passes over them without a word (traitlets/config/loader.py, `load_subconfig`).
    """

    def __init__(self, filename: str, path: str | Sequence[str] | None = None) -> None:
        super().__init__(filename, path)
        self.sources: dict[str, str] = {}
        self.missing: list[str] = []

    def load_config(self) -> Config:
        self.clear()
        try:
            self._find_file()
        except OSError as error:
            raise ConfigFileNotFound(str(error)) from error
        with tokenize.open(self.full_filename) as file:  # a byte order mark is no fault
            self.sources[self.full_filename] = file.read()
        self._read_file_as_dict()
        return self.config

    def load_subconfig(self, fname: str, path: str | None = None) -> None:
        loader = type(self)(fname, path or self.path)
        loader.sources = self.sources
        loader.missing = self.missing
        try:
            found = loader.load_config()
        except ConfigFileNotFound:
            self.missing.append(fname)
        else:
            self.config.merge(found)
