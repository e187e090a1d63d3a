"""The documents of a package, in their places on a host."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import resources
from typing import Any, Final

from omnibuild.documents.changelog import render_changelog
from omnibuild.documents.copyright import copyright_file
from omnibuild.documents.licences import licensed
from omnibuild.documents.manual import pages, path_of
from omnibuild.host.integration import HostFiles
from omnibuild.package.compression import gzipped
from omnibuild.payload.assembly import GeneratedFile, Part
from omnibuild.payload.model import Metadata
from omnibuild.recipe.models import Recipe

COMMANDS: Final = "/usr/bin/"
# Only debs have it.
OF_LINTIAN: Final = "/usr/share/lintian/overrides"
_USUAL_MODES: Final = (0o644, 0o755)
_OF_DIRECTORIES: Final = "non-standard-dir-perm"


def documents(
    recipe: Recipe,
    metadata: Metadata,
    host: HostFiles,
    parts: Iterable[Part],
    manifest: Mapping[str, Any],
    own: Collection[str],
    manuals: Mapping[str, str],
) -> dict[str, GeneratedFile]:
    """Return the copyright file, the changelog and the manual pages, by their host paths.

    Args:
        recipe: the app.
        metadata: what its packages say of themselves.
        host: its integration: commands and configuration.
        parts: what it is made of.
        manifest: what that is called.
        own: names of the parts that are the app itself.
        manuals: the recipe's pages, by name.
    """
    directory = f"/usr/share/doc/{metadata.name}"
    text = copyright_file(
        recipe.app, f"/opt/{metadata.name}", tuple(licensed(parts, manifest, own))
    )
    changes = render_changelog(metadata.name, metadata.changes)
    found = {
        f"{directory}/copyright": text.encode(),
        f"{directory}/changelog.Debian.gz": gzipped(changes.encode()),
        f"{OF_LINTIAN}/{metadata.name}": _overrides(metadata.name, recipe).encode(),
    }
    commands = [path.removeprefix(COMMANDS) for path in host.symlinks if path.startswith(COMMANDS)]
    variables = {
        name: f"Is {value!r} where the host sets no other."
        for name, value in recipe.environment.items()
    }
    given = {name: page.encode() for name, page in manuals.items()}
    for name, page in pages(metadata, commands, host.config_files, variables, given):
        found[path_of(name)] = gzipped(page)
    return {path: GeneratedFile(content) for path, content in found.items()}


def _overrides(name: str, recipe: Recipe) -> str:
    """Return what lintian is told about packages that are no part of Debian, and why."""
    template = resources.files("omnibuild.documents").joinpath("lintian-overrides.in")
    modes = {path: file.permissions for path, file in recipe.config_files.items()}
    modes |= {path: int(file.mode, 8) for path, file in recipe.host_files.items() if file.mode}
    own = [path for path, mode in modes.items() if mode not in _USUAL_MODES]
    text = template.read_text("utf-8").replace("@NAME@", name)
    if own:
        text += "# Who may read, enter or run these is what the recipe says.\n"
    for path in sorted(own):
        file = recipe.host_files.get(path)
        for tag in _tags(modes[path], directory=file is not None and file.directory):
            # A configuration file is kept below /opt until scripts place it.
            place = f"*{path}" if path in recipe.config_files else path[1:]
            text += f"{name}: {tag} * [{place}{'/' if tag == _OF_DIRECTORIES else ''}]\n"
    return text


def _tags(mode: int, *, directory: bool) -> Iterator[str]:
    """Yield what lintian says of a file with unusual permissions."""
    if directory:
        yield _OF_DIRECTORIES
    elif not mode & 0o111:
        yield "non-standard-file-perm"
    else:
        yield "non-standard-executable-perm"
        if mode & 0o444 != 0o444:
            yield "executable-is-not-world-readable"
