"""Find definitions by name: the workspace's own first, then those that ship with omnibuild."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from msgspec import Struct, field

from omnibuild.errors import DefinitionError, UnknownNameError, Where
from omnibuild.recipe import whereabouts
from omnibuild.recipe.loader import load
from omnibuild.recipe.models import Model, Platform
from omnibuild.recipe.models.platform import FORMATS
from omnibuild.recipe.validate import closest, quoted, suggestion

if TYPE_CHECKING:
    from omnibuild.recipe.models import Recipe
    from omnibuild.recipe.software.extending import Defined

Kind = Literal["recipes", "software", "platforms", "roots"]

_ENDINGS: dict[Kind, str] = {"roots": ".lock.json"}

# What people call a format by, besides its own name.
_WORDS = {"pacman": "archlinux", "opkg": "ipk", "tarball": "tar"} | dict.fromkeys(
    ("docker", "podman", "image", "container"), "oci"
)

T = TypeVar("T", bound=Model)


class Definitions(Struct, frozen=True):
    """All recipes, components, platforms and root locks that a workspace can use.

    A definition is called after its file: ``software/python-3.13.toml`` is ``python-3.13``.

    Args:
        workspace: directory with ``recipes/``, ``software/``, ``platforms/`` or ``roots/``, whose
            definitions win over those that ship with omnibuild.
    """

    workspace: Path
    _listed: dict[Kind, dict[str, Path]] = field(default_factory=dict)

    @property
    def directories(self) -> tuple[Path, ...]:
        """Where definitions are searched, in that order."""
        return tuple(dict.fromkeys((self.workspace.absolute(), shipped())))

    def recipe(self, name: str = "") -> tuple[Recipe, Path]:
        """Return a recipe and the file it is in.

        Args:
            name: its name, or a path to its file or to the directory that has it; empty for the
                only one of the workspace.
        """
        if not name:
            path = whereabouts.only_recipe(self.workspace)
        elif whereabouts.is_path(name) or (
            name not in self._files("recipes") and Path(name).is_dir()
        ):
            path = whereabouts.recipe_at(Path(name))
        else:
            path = self._find("recipes", name, "recipe")
        from omnibuild.recipe.models import Recipe  # who publishes reads none

        return load(path, Recipe, whereabouts.table_in(path)), path

    def software(self, name: str) -> Defined:
        """Return a component with all that it takes from definitions that it extends."""
        from omnibuild.recipe.software.extending import load_software

        return load_software(self._find("software", name, "software"), self._extended)

    def every_software(self) -> tuple[dict[str, Defined], tuple[DefinitionError, ...]]:
        """Return all components that can be read, by name, and what is wrong with the others."""
        found, wrong = {}, []
        for name in self.names("software"):
            try:
                found[name] = self.software(name)
            except DefinitionError as error:
                wrong.append(error)
        return found, tuple(wrong)

    def platform(self, name: str) -> tuple[Platform, Path]:
        """Return a platform and the file it is in."""
        if name not in self._files("platforms") and (makers := self._makers(name)):
            raise UnknownNameError(
                f"no platform is called {quoted(name)}: that is a format",
                hint=f"platforms that make it: {', '.join(makers)}",
            )
        return self._load("platforms", name, Platform)

    def _makers(self, word: str) -> list[str]:
        """Return the platforms that make a format, which has many names."""
        form = _WORDS.get(word, word)
        found = self.names("platforms") if form in FORMATS else ()
        return [name for name in found if getattr(self.platform(name)[0], form)]

    def is_own(self, kind: Kind, name: str) -> bool:
        """Tell whether a definition is the workspace's own, and not one that ships."""
        path = self._files(kind).get(name)
        return path is not None and path.is_relative_to(self.workspace.absolute())

    def root_lock(self, name: str) -> Path:
        """Return the lock file of a root."""
        return self._find("roots", name, "root")

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Return the sorted names of all definitions of a kind."""
        return tuple(sorted(self._files(kind)))

    def own_recipes(self) -> tuple[str, ...]:
        """Return the names of the workspace's own recipes, or paths where names say nothing."""
        own = whereabouts.project_recipe(self.workspace)
        there = whereabouts.recipes_in(self.workspace / whereabouts.DIRECTORY)
        names = [path.name.removesuffix(".toml") for path in there]
        return tuple(([str(own.absolute())] if own else []) + names)

    def _load(self, kind: Kind, name: str, model: type[T]) -> tuple[T, Path]:
        path = self._find(kind, name, model.__name__.lower())
        return load(path, model), path

    def _extended(self, name: str, path: Path) -> Path:
        """Return the definition that a file extends; that of its own name is the one beneath."""
        beneath = shipped() / "software" / f"{name}.toml"
        own = name == path.stem and path != beneath and beneath.is_file()
        return beneath if own else self._find("software", name, "software")

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
            for path in whereabouts.definitions_in(directory / kind):
                if path.name.endswith(ending):
                    files[path.name.removesuffix(ending)] = path
        own = whereabouts.project_recipe(self.workspace) if kind == "recipes" else None
        if own and (name := whereabouts.called(own)):
            other = files.get(name)
            if other and other.is_relative_to(self.workspace.absolute()):
                raise DefinitionError(
                    f"two recipes are called {quoted(name)}",
                    where=Where(str(own)),
                    why=f"the other is {other}",
                    hint="keep one of them, or give one another name",
                )
            files[name] = own
        return files


def shipped() -> Path:
    """Return the directory of omnibuild's own definitions: in the wheel, or of the checkout."""
    package = Path(__file__).absolute().parent.parent
    installed = package / "definitions"
    return installed if installed.is_dir() else package.parent
