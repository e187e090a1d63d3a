"""The documents of a package, in their places on a host."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
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
        f"{OF_LINTIAN}/{metadata.name}": _overrides(metadata.name).encode(),
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


def _overrides(name: str) -> str:
    """Return what lintian is told about packages that are no part of Debian, and why."""
    template = resources.files("omnibuild.documents").joinpath("lintian-overrides.in")
    return template.read_text("utf-8").replace("@NAME@", name)
