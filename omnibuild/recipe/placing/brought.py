"""Host paths that an app takes already, before its ``[files]``: of its other tables, and always."""

from __future__ import annotations

from collections.abc import Iterator

from omnibuild.recipe.models import Recipe

# Directories of the app's own, in which its parts are.
_DIRECTORIES = ("bin", "lib", "libexec", "share")
# Below the app's directory in /etc: what the operator writes, and keeps.
_OF_OPERATORS = ("environment", "keep-data", "secrets")


def brings_already(recipe: Recipe, user: str, target: str, *, is_directory: bool) -> str:
    """Say what a host path is already, in words of the recipe; nothing if it is free.

    Args:
        recipe: the app.
        user: its own; empty when it has none.
        target: the path.
        is_directory: what is to be there is a directory, which may hold what is there already.
    """
    for path, what in _taken(recipe, user):
        if target == path or target.startswith(f"{path}/"):
            return what
        if path.startswith(f"{target}/") and not is_directory:
            return f"the directory of {what}"
    return ""


def _taken(recipe: Recipe, user: str) -> Iterator[tuple[str, str]]:
    app = recipe.app.name
    yield f"/opt/{app}/share/omnibuild", "the manifest of the package"
    # Directories are taken for what is none.
    yield from ((f"/opt/{app}/{name}/", "parts of the app") for name in _DIRECTORIES)
    yield from ((f"/etc/{app}/{name}", "what the operator writes") for name in _OF_OPERATORS)
    yield from ((path, "a file of [config]") for path in recipe.config)
    documents = f"/usr/share/doc/{app}"
    yield f"{documents}/copyright", "the copyright file"
    yield f"{documents}/changelog.Debian.gz", "the changelog, which [package] names"
    yield f"/usr/share/lintian/overrides/{app}", "what lintian is told of the package"
    if user:
        yield f"/usr/lib/sysusers.d/{app}.conf", f"the account `{user}`"
        yield f"/opt/{app}/libexec/directories", "what makes the directories of the app"
    for name in recipe.commands:
        yield f"/usr/bin/{name}", f"the command `{name}`"
        yield f"/usr/share/man/man1/{name}.1.gz", "a manual page, which [package] names"
    yield from _units(recipe)


def _units(recipe: Recipe) -> Iterator[tuple[str, str]]:
    app = recipe.app.name
    units = f"/usr/lib/systemd/system/{app}".replace("+", "plus")
    for name in recipe.services:
        yield f"{units}-{name}.service", f"the unit of the service `{name}`"
    for name in recipe.timers:
        for kind in ("timer", "service"):
            yield f"{units}-{name}.{kind}", f"a unit of the timer `{name}`"
    if recipe.web:
        yield f"{units}-web.service", "the unit of [web]"
    if recipe.web or recipe.services or recipe.timers or recipe.bundle:
        yield f"{units}.target", "the unit that starts all of the app"
        yield f"/opt/{app}/bin/{app}-run", "what starts all of the app"
