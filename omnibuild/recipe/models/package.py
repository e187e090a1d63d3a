"""How an app sits on a host, and what it asks of other packages there."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from omnibuild.recipe.fields import Line, Name, OptionalLine
from omnibuild.recipe.models.base import Model


class FormatRelations(Model, frozen=True, kw_only=True):
    """What debs, or rpms, have in place of the same key of [package], in the format's own words."""

    depends: Annotated[
        tuple[Line, ...] | None,
        Meta(
            description="Packages it cannot run without; in rpm's words also files, capabilities"
            " and boolean expressions."
        ),
    ] = None
    recommends: Annotated[
        tuple[Line, ...] | None, Meta(description="Packages it works better with.")
    ] = None
    conflicts: Annotated[tuple[Line, ...] | None, Meta(description="Packages it cannot stand.")] = (
        None
    )
    replaces: Annotated[
        tuple[Line, ...] | None, Meta(description="Packages whose files it takes.")
    ] = None
    provides: Annotated[
        tuple[Line, ...] | None, Meta(description="Virtual packages it provides.")
    ] = None


class Package(Model, frozen=True, kw_only=True):
    """``[package]``: how the app sits on a host."""

    user: Annotated[
        str,
        Meta(
            description="System user of the services; the app's name where there are services.",
            pattern=r"^[a-z_][a-z0-9_-]{0,30}\Z",
            examples=["shop"],
        ),
    ] = ""
    revision: Annotated[
        str, Meta(description="Package revision.", pattern=r"^[0-9]+\Z", examples=["1"])
    ] = "1"
    scripts: Annotated[
        OptionalLine,
        Meta(description="Directory with hooks for maintainer scripts, relative to the recipe."),
    ] = ""
    depends: Annotated[tuple[Line, ...], Meta(description="Packages it cannot run without.")] = ()
    recommends: Annotated[tuple[Line, ...], Meta(description="Packages it works better with.")] = ()
    conflicts: Annotated[tuple[Line, ...], Meta(description="Packages it cannot stand.")] = ()
    replaces: Annotated[tuple[Line, ...], Meta(description="Packages whose files it takes.")] = ()
    provides: Annotated[tuple[Line, ...], Meta(description="Virtual packages it provides.")] = ()
    deb: FormatRelations = field(default_factory=FormatRelations)
    rpm: FormatRelations = field(default_factory=FormatRelations)
    platforms: Annotated[tuple[Name, ...], Meta(description="Where it runs; all when empty.")] = ()


DEFAULT_MODE = "0644"


class ConfigFile(Model, frozen=True, kw_only=True):
    """``[config]``: for a file that not everybody may read, or that is not root's."""

    source: Annotated[Line, Meta(description="The file, relative to the recipe.")]
    mode: Annotated[
        str,
        Meta(
            description="Its permissions on hosts, in octal. Whoever can fetch the package reads"
            " the file there, whatever this says.",
            pattern=r"^0?[0-7]{3}\Z",
            examples=["0640"],
        ),
    ] = DEFAULT_MODE
    owner: Annotated[Line, Meta(description="`root`, or the app's user.")] = "root"
    group: Annotated[
        Line, Meta(description="`root`, or the app's user, for the group that is its own.")
    ] = "root"

    @property
    def permissions(self) -> int:
        """The mode as a number."""
        return int(self.mode, 8)
