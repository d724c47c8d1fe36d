"""JupyterHub's configuration file, read without starting a hub; faults of it are said in a sentence."""

import importlib.metadata
import os
import re
import traceback
from pathlib import Path
from typing import Any, Final, TypeVar

from traitlets import TraitError
from traitlets.config import Configurable
from traitlets.config.loader import Config, ConfigFileNotFound, LazyConfigValue, PyFileConfigLoader
from traitlets.utils.importstring import import_item

__all__ = ["Configuration", "ConfigurationError", "default_path", "load"]

Made = TypeVar("Made", bound=Configurable)

LONGEST_WORDS: Final = 200


class ConfigurationError(ValueError):
    """The configuration cannot be used; the text names the file and the line as far as it can."""


class Configuration:
    """What the files say.

    Attributes
    ----------
    config
        All settings, as JupyterHub has them.
    files
        The files that were read, the first one first.
    missing
        Files that one of them names and that are not there; JupyterHub passes over those without a word.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[Path] = []
        self.missing: list[Path] = []
        self.config = Config()

    def listed(self, kind: str, setting: str) -> list[Any]:
        """Return what a setting holds that is a list, also where the files only add to it."""
        value = self.config.get(kind, {}).get(setting, [])
        if isinstance(value, LazyConfigValue):
            value = value.get_value([])
        return list(value) if isinstance(value, list | tuple) else []

    def make(self, setting: str, kind: type[Made]) -> Made:
        """Make what this setting of JupyterHub chooses, such as `authenticator_class`, from its settings.

        Raises
        ------
        ConfigurationError
            When it is not a `kind`, or one of its settings has the wrong type or value.
        """
        chosen = self._chosen(setting, kind)
        try:
            made: Made = chosen(config=self.config)
        except TraitError as error:
            where = self._line_of(_settings_named(str(error), chosen))
            raise ConfigurationError(f"{where}{str(error)[:LONGEST_WORDS]}") from None
        return made

    def _chosen(self, setting: str, kind: type[Made]) -> type[Made]:
        value = self.config.get("JupyterHub", {}).get(setting, kind)
        where = self._line_of([setting])
        if isinstance(value, str):
            named = importlib.metadata.entry_points(group=f"jupyterhub.{setting.removesuffix('_class')}s")
            paths = [entry.value.replace(":", ".") for entry in named if entry.name == value.lower()]
            try:
                value = import_item(paths[0] if paths else value)
            except ImportError as error:
                raise ConfigurationError(f"{where}{setting} is {value!r}: {error}") from None
        if not (isinstance(value, type) and issubclass(value, kind)):
            name = getattr(value, "__name__", value)
            raise ConfigurationError(f"{where}{setting} is {name}, which is no {kind.__name__}")
        return value

    def _line_of(self, settings: list[str]) -> str:
        """Return ``FILE:LINE: `` of the last line that sets one of these, which is the one that counts."""
        if not settings:
            return ""
        pattern = re.compile(rf"\.({'|'.join(map(re.escape, settings))})\b")
        for path in reversed(self.files):
            lines = path.read_text("utf-8", errors="replace").splitlines()
            for number in range(len(lines), 0, -1):
                if pattern.search(lines[number - 1].partition("#")[0]):
                    return f"{path}:{number}: "
        return ""


def default_path() -> Path:
    return Path(os.environ.get("HPCHUB_CONFIG") or "jupyterhub_config.py")


def load(path: Path) -> Configuration:
    """Run the configuration file as JupyterHub does.

    Raises
    ------
    ConfigurationError
        When it is missing, or fails in whatever way.
    """
    if not os.path.isfile(path):
        raise ConfigurationError(f"{path} is not there: name JupyterHub's configuration with --config")
    loaded = Configuration(path)

    class Loader(PyFileConfigLoader):
        """Takes note of which files are read; traitlets makes another one for each file in a file."""

        def _read_file_as_dict(self) -> None:
            loaded.files.append(Path(self.full_filename))
            super()._read_file_as_dict()

        def load_subconfig(self, fname: str, path: str | None = None) -> None:
            try:
                found = self.__class__(fname, path or self.path).load_config()
            except ConfigFileNotFound:
                loaded.missing.append(Path(fname))
            else:
                self.config.merge(found)

    try:
        loaded.config = Loader(path.name, path=str(path.resolve().parent)).load_config()
    except (Exception, SystemExit) as error:  # the file is a program, and may fail like any program
        raise ConfigurationError(_place_and_words(error, path)) from None
    return loaded


def _place_and_words(error: BaseException, path: Path) -> str:
    words = f"{type(error).__name__}: {str(error)[:LONGEST_WORDS]}"
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}"
    # Only what runs at the top of a file was called by the loader; below it are libraries.
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.name == "<module>"]
    files = [frame for frame in frames if "site-packages" not in frame.filename]
    return f"{files[-1].filename}:{files[-1].lineno}: {words}" if files else f"{path}: {words}"


def _settings_named(words: str, kind: type[Configurable]) -> list[str]:
    names = set(kind.class_trait_names(config=True))
    return [word for word in re.findall(r"\w+", words) if word in names][:1]
