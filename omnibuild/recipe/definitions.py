"""Find definitions by name: the workspace's own first, then those that ship with omnibuild."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from omnibuild.errors import DefinitionError, UnknownNameError, Where
from omnibuild.recipe.loader import load
from omnibuild.recipe.models import Model, Platform, Recipe, Software
from omnibuild.recipe.validate import closest, quoted, suggestion

Kind = Literal["recipes", "software", "platforms", "roots"]

_ENDINGS: dict[Kind, str] = {"roots": ".lock.json"}

T = TypeVar("T", bound=Model)


@dataclass(frozen=True)
class Definitions:
    """All recipes, components, platforms and root locks that a workspace can use.

    A definition is called after its file: ``software/python-3.13.toml`` is ``python-3.13``.

    Args:
        workspace: directory with ``recipes/``, ``software/``, ``platforms/`` or ``roots/``, whose
            definitions win over those that ship with omnibuild.
    """

    workspace: Path
    _listed: dict[Kind, dict[str, Path]] = field(default_factory=dict, init=False, compare=False)

    @property
    def directories(self) -> tuple[Path, ...]:
        """Where definitions are searched, in that order."""
        return tuple(dict.fromkeys((self.workspace.absolute(), shipped())))

    def recipe(self, name: str) -> tuple[Recipe, Path]:
        """Return a recipe and the file it is in."""
        return self._load("recipes", name, Recipe)

    def software(self, name: str) -> tuple[Software, Path]:
        """Return a component and the file it is in."""
        return self._load("software", name, Software)

    def platform(self, name: str) -> tuple[Platform, Path]:
        """Return a platform and the file it is in."""
        return self._load("platforms", name, Platform)

    def root_lock(self, name: str) -> Path:
        """Return the lock file of a root."""
        return self._find("roots", name, "root")

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Return the sorted names of all definitions of a kind."""
        return tuple(sorted(self._files(kind)))

    def _load(self, kind: Kind, name: str, model: type[T]) -> tuple[T, Path]:
        path = self._find(kind, name, model.__name__.lower())
        return load(path, model), path

    def _find(self, kind: Kind, name: str, noun: str) -> Path:
        files = self._files(kind)
        if name in files:
            return files[name]
        places = "\n".join(f"searched {place / kind}" for place in self.directories)
        raise UnknownNameError(
            f"no {noun} is called {quoted(name)}",
            why=f"available: {', '.join(sorted(files)) or 'none'}\n{places}",
            hint=suggestion(closest(name, files)),
        )

    def _files(self, kind: Kind) -> dict[str, Path]:
        """Return the definitions of a kind by name, listed once.

        Names are looked up only among these, so that no name leads elsewhere.
        """
        if kind not in self._listed:
            self._listed[kind] = self._list(kind)
        return self._listed[kind]

    def _list(self, kind: Kind) -> dict[str, Path]:
        ending = _ENDINGS.get(kind, ".toml")
        files: dict[str, Path] = {}
        for directory in reversed(self.directories):
            found = (path for path in _list(directory / kind) if path.name.endswith(ending))
            files.update({path.name.removesuffix(ending): path for path in found})
        return files


def shipped() -> Path:
    """Return the directory of omnibuild's own definitions: in the wheel, or of the checkout."""
    package = Path(__file__).absolute().parent.parent
    installed = package / "definitions"
    return installed if installed.is_dir() else package.parent


def _list(directory: Path) -> list[Path]:
    try:
        paths = sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []  # a workspace need not have all kinds
    except OSError as error:
        where = Where(str(directory))
        raise DefinitionError(f"cannot list it: {error.strerror}", where=where) from error
    return [path for path in paths if path.name[0] != "." and not _is_package_lock(path)]


def _is_package_lock(path: Path) -> bool:
    """Tell whether a file beside recipes is pylock.toml, pylock.NAME.toml or NAME.pylock.toml."""
    return "pylock" in path.name.split(".")
