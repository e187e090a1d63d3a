"""Find definitions by name: the workspace's own first, then those that ship with omnibuild."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from omnibuild.errors import DefinitionError, UnknownNameError, Where
from omnibuild.recipe.loader import load
from omnibuild.recipe.models import Model, Platform, Recipe, Software
from omnibuild.recipe.validate import closest, quoted, suggestion

Kind = Literal["recipes", "software", "platforms"]

T = TypeVar("T", bound=Model)


@dataclass(frozen=True)
class Definitions:
    """Directories that hold ``recipes/``, ``software/`` and ``platforms/``; the first one wins.

    A definition is called after its file: ``software/python-3.13.toml`` is ``python-3.13``.
    """

    directories: tuple[Path, ...]

    @classmethod
    def of_workspace(cls, workspace: Path) -> Definitions:
        """Search a workspace, then what ships with omnibuild."""
        directories = (workspace.absolute(), shipped())
        return cls(tuple(dict.fromkeys(directories)))

    def recipe(self, name: str) -> tuple[Recipe, Path]:
        """Return a recipe and the file it is in."""
        return self._load("recipes", name, Recipe)

    def software(self, name: str) -> tuple[Software, Path]:
        """Return a component and the file it is in."""
        return self._load("software", name, Software)

    def platform(self, name: str) -> tuple[Platform, Path]:
        """Return a platform and the file it is in."""
        return self._load("platforms", name, Platform)

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Return the sorted names of all definitions of a kind."""
        return tuple(sorted(self._files(kind)))

    def _load(self, kind: Kind, name: str, model: type[T]) -> tuple[T, Path]:
        files = self._files(kind)
        if name not in files:
            places = "\n".join(f"searched {place / kind}" for place in self.directories)
            known = f"available: {', '.join(sorted(files)) or 'none'}"
            raise UnknownNameError(
                f"no {model.__name__.lower()} is called {quoted(name)}",
                why=f"{known}\n{places}",
                hint=suggestion(closest(name, files)),
            )
        return load(files[name], model), files[name]

    def _files(self, kind: Kind) -> dict[str, Path]:
        files: dict[str, Path] = {}
        for directory in reversed(self.directories):
            files.update({path.stem: path for path in _toml_files(directory / kind)})
        return files


def shipped() -> Path:
    """Return the directory of omnibuild's own definitions: in the wheel, or of the checkout."""
    package = Path(__file__).absolute().parent.parent
    installed = package / "definitions"
    return installed if installed.is_dir() else package.parent


def _toml_files(directory: Path) -> list[Path]:
    try:
        names = sorted(path for path in directory.iterdir() if path.suffix == ".toml")
    except (FileNotFoundError, NotADirectoryError):
        return []  # a workspace need not have all kinds
    except OSError as error:
        where = Where(str(directory))
        raise DefinitionError(f"cannot list it: {error.strerror}", where=where) from error
    return [path for path in names if path.name[0] != "." and not _is_lock(path)]


def _is_lock(path: Path) -> bool:
    """Tell whether a file beside recipes is a lock: pylock.toml, pylock.NAME.toml and the like."""
    return "pylock" in path.name.split(".")
