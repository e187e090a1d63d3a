"""What a recipe says that its packages say about themselves, whatever their format."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from omnibuild.layers.environment import SOURCE_DATE_EPOCH
from omnibuild.package.versions import host_version, split_epoch
from omnibuild.payload.model import RELATIONS, Change, Metadata, Relations
from omnibuild.recipe.models import FormatRelations, OtherRelations, Recipe

# What the packages of all apps can say.
ALL_OF_IT: Final = "brings all that it needs, but for the C library of the host."


def metadata_of(recipe: Recipe, changes: tuple[Change, ...] = ()) -> Metadata:
    """Return what the app's packages say about themselves.

    Args:
        recipe: the app.
        changes: its changelog; without any, it has an entry for its version.
    """
    app, package = recipe.app, recipe.package
    epoch, version = split_epoch(app.release)
    metadata = Metadata(
        name=app.name,
        version=host_version(version),
        revision=package.revision,
        summary=app.summary,
        # Both families want more than one line.
        description=app.description or f"{app.name} {ALL_OF_IT}",
        license=app.license,
        maintainer=app.maintainer,
        homepage=app.homepage,
        vendor=app.vendor,
        date=SOURCE_DATE_EPOCH,
        relations=Relations(**{kind: getattr(package, kind) for kind in RELATIONS}),
        depends=_brought_by_hosts(recipe),
        overrides={
            form: found
            for form, own in (
                ("deb", package.deb),
                ("rpm", package.rpm),
                ("archlinux", package.archlinux),
                ("apk", package.apk),
                ("ipk", package.ipk),
            )
            if (found := _relations(own))
        },
        epoch=package.epoch or epoch,
        section=package.deb.section,
        priority=package.deb.priority,
        group=package.rpm.group,
        changes=changes,
    )
    full = metadata.full_version(metadata.revision)
    if changes:
        # What tells users of changes compares with the version of the package.
        whole = (replace(c, version=full) if c.version == metadata.version else c for c in changes)
        return replace(metadata, changes=tuple(whole))
    released = Change(full, SOURCE_DATE_EPOCH, app.maintainer, (f"Version {app.release}.",))
    return replace(metadata, changes=(released,))


def _relations(own: FormatRelations | OtherRelations) -> dict[str, tuple[str, ...]]:
    """Return what a format has in place of the relations of all."""
    found = {kind: getattr(own, kind, None) for kind in RELATIONS}
    return {kind: texts for kind, texts in found.items() if texts is not None}


def _brought_by_hosts(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """Return the packages of hosts that the recipe says to bring missing libraries."""
    found: dict[str, tuple[str, ...]] = {}
    for waiver in recipe.audit.waivers if recipe.audit else ():
        for form, names in (("deb", waiver.depends.deb), ("rpm", waiver.depends.rpm)):
            if names:
                found[form] = tuple(dict.fromkeys((*found.get(form, ()), *names)))
    return found
