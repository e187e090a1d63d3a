"""How an app sits on a host, and what it asks of other packages there."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, field

from omnibuild.recipe.fields import Line, Name, OptionalLine
from omnibuild.recipe.models.base import Model

# The highest that dpkg takes.
LAST_EPOCH: Final = 2**31 - 1


class FormatRelations(Model, frozen=True, kw_only=True):
    """What packages of one format have in place of the same key of [package], in its own words."""

    depends: Annotated[
        tuple[Line, ...] | None,
        Meta(
            description="Packages it cannot run without; in rpm's words also files, capabilities"
            " and boolean expressions."
        ),
    ] = None
    pre_depends: Annotated[
        tuple[Line, ...] | None,
        Meta(description="Packages that must be there before any of its own scripts runs."),
    ] = None
    recommends: Annotated[
        tuple[Line, ...] | None, Meta(description="Packages it works better with.")
    ] = None
    suggests: Annotated[
        tuple[Line, ...] | None, Meta(description="Packages that make it more useful to some.")
    ] = None
    enhances: Annotated[
        tuple[Line, ...] | None, Meta(description="Packages that it makes more useful.")
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


class DebPackage(FormatRelations, frozen=True, kw_only=True):
    """What debs have in place of the same key of [package], and what only they say."""

    breaks: Annotated[
        tuple[Line, ...] | None, Meta(description="Packages that do not work any more beside it.")
    ] = None
    section: Annotated[
        str,
        Meta(
            description="What kind of package it is, as Debian's policy lists them.",
            pattern=r"^([a-z][a-z-]*/)?[a-z][a-z-]*\Z",
            examples=["web", "net", "contrib/utils"],
        ),
    ] = "misc"
    priority: Annotated[
        Literal["required", "important", "standard", "optional", "extra"],
        Meta(description="How much a host needs it; what is not a part of a system is `optional`."),
    ] = "optional"


class RpmPackage(FormatRelations, frozen=True, kw_only=True):
    """What rpms have in place of the same key of [package], and what only they say."""

    group: Annotated[
        Line, Meta(description="Its group, which older tools show.", examples=["Applications/Web"])
    ] = "Unspecified"


class OtherRelations(Model, frozen=True, kw_only=True):
    """What a package of pacman or apk has in place of the same key of [package], in its words."""

    depends: Annotated[
        tuple[Line, ...] | None,
        Meta(description="Packages it cannot run without.", examples=[["openssh", "bash>=5"]]),
    ] = None
    conflicts: Annotated[tuple[Line, ...] | None, Meta(description="Packages it cannot stand.")] = (
        None
    )
    replaces: Annotated[
        tuple[Line, ...] | None,
        Meta(description="Packages in whose place it comes; for apk whose files it takes."),
    ] = None
    provides: Annotated[
        tuple[Line, ...] | None, Meta(description="Names that it also answers to.")
    ] = None


class IpkRelations(OtherRelations, frozen=True, kw_only=True):
    """What an ipk has in place of the same key of [package]; opkg's words are dpkg's."""

    pre_depends: Annotated[
        tuple[Line, ...] | None,
        Meta(description="Packages that must be there before any of its own scripts runs."),
    ] = None
    recommends: Annotated[
        tuple[Line, ...] | None, Meta(description="Packages it works better with.")
    ] = None
    suggests: Annotated[
        tuple[Line, ...] | None, Meta(description="Packages that make it more useful to some.")
    ] = None


class ChangelogFrom(Model, frozen=True, kw_only=True):
    """``[package]``: where the changelog is said, instead of in a file."""

    origin: Annotated[
        Literal["git"],
        Meta(
            description="`git`: tags like v1.4, each with the subjects of the commits since the one"
            " before."
        ),
    ] = field(name="from")


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
    epoch: Annotated[
        int,
        Meta(
            description="Goes before the version, as in `1:2.0-1`: a higher one is newer, whatever"
            " the versions are. For an app that has begun to number its versions anew; it can never"
            " be taken back.",
            ge=0,
            le=LAST_EPOCH,
        ),
    ] = 0
    scripts: Annotated[
        OptionalLine,
        Meta(
            description="Directory with hooks for maintainer scripts, relative to the recipe;"
            " docs/reference/hooks.md lists them."
        ),
    ] = ""
    changelog: Annotated[
        Line | ChangelogFrom | None,
        Meta(
            description="File with its changes, relative to the recipe: Debian's own, or Markdown"
            ' with a heading `## [1.2.0] - 2024-05-31` for each version; or `{ from = "git" }`.'
            " Without it packages only name their version."
        ),
    ] = None
    manuals: Annotated[
        tuple[Line, ...],
        Meta(
            description="Manual pages, relative to the recipe, as `docs/shop.1`; a command without"
            " one of its own has one that says what is known of it."
        ),
    ] = ()
    depends: Annotated[tuple[Line, ...], Meta(description="Packages it cannot run without.")] = ()
    pre_depends: Annotated[
        tuple[Line, ...],
        Meta(description="Packages that must be there before any of its own scripts runs."),
    ] = ()
    recommends: Annotated[tuple[Line, ...], Meta(description="Packages it works better with.")] = ()
    suggests: Annotated[
        tuple[Line, ...], Meta(description="Packages that make it more useful to some.")
    ] = ()
    enhances: Annotated[
        tuple[Line, ...], Meta(description="Packages that it makes more useful.")
    ] = ()
    breaks: Annotated[
        tuple[Line, ...],
        Meta(
            description="Packages that do not work any more beside it, as `shop-client (<< 2.0)`;"
            " rpms, which know no such relation, conflict with them."
        ),
    ] = ()
    conflicts: Annotated[tuple[Line, ...], Meta(description="Packages it cannot stand.")] = ()
    replaces: Annotated[
        tuple[Line, ...],
        Meta(description="Packages whose files it takes; rpms obsolete them."),
    ] = ()
    provides: Annotated[tuple[Line, ...], Meta(description="Virtual packages it provides.")] = ()
    deb: DebPackage = field(default_factory=DebPackage)
    rpm: RpmPackage = field(default_factory=RpmPackage)
    archlinux: OtherRelations = field(default_factory=OtherRelations)
    apk: OtherRelations = field(default_factory=OtherRelations)
    ipk: IpkRelations = field(default_factory=IpkRelations)
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


class HostFile(Model, frozen=True, kw_only=True):
    """``[files]``: one of ``source``, ``symlink``, ``directory``, ``ghost``; how it is on hosts."""

    source: Annotated[
        OptionalLine,
        Meta(description="File or directory, relative to the recipe; of a directory all below it."),
    ] = ""
    symlink: Annotated[OptionalLine, Meta(description="What the symlink there says.")] = ""
    directory: Annotated[bool, Meta(description="Whether it is an empty directory.")] = False
    ghost: Annotated[
        bool,
        Meta(
            description="Whether it is a file that only comes into being on hosts, made by a hook"
            " or a service: it goes when an rpm is removed, or a deb purged. It lies in a directory"
            " that has the app's name, or has that name itself, as it is or before `.`, `-` or `_`:"
            " `/etc/cron.d/shop`, `/var/cache/shop.index`."
        ),
    ] = False
    template: Annotated[
        bool,
        Meta(
            description="Whether `@NAME@`, `@VERSION@`, `@PREFIX@`, `@USER@`, `@ETC@`, `@STATE@`,"
            " `@LOGS@` and `@RUNTIME@` in it become what they are for the app."
        ),
    ] = False
    mode: Annotated[
        str,
        Meta(
            description="Its permissions on hosts, in octal; without it `0755` for directories and"
            " what is executable, `0644` for the rest.",
            pattern=r"^(0?[0-7]{3})?\Z",
            examples=["0640"],
        ),
    ] = ""
    owner: Annotated[
        Line,
        Meta(
            description="`root`, or the app's user; of a directory only where all of it is the"
            " app's, as in `/opt/shop/data` and `/usr/share/shop`."
        ),
    ] = "root"
    group: Annotated[
        Line, Meta(description="`root`, or the app's user, for the group that is its own.")
    ] = "root"
    capabilities: Annotated[
        str,
        Meta(
            description="What it may do without being root, as capabilities(7) calls it.",
            pattern=r"^(cap_[a-z_]+(,cap_[a-z_]+)*[=+][eip]+)?\Z",
            examples=["cap_net_bind_service=ep"],
        ),
    ] = ""
    formats: Annotated[
        tuple[Literal["deb", "rpm", "tar", "oci", "archlinux", "apk", "ipk"], ...],
        Meta(
            description="Formats of packages that have it, of `deb`, `rpm`, `tar`, `oci`,"
            " `archlinux`, `apk` and `ipk`; all when empty."
        ),
    ] = ()
