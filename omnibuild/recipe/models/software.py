"""Software: one component compiled from source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import Meta, field

from omnibuild.recipe.fields import (
    Commit,
    Directory,
    Line,
    Name,
    OptionalLine,
    OptionalName,
    OptionalSha256,
    OptionalVersion,
    Place,
    Variable,
    Version,
)
from omnibuild.recipe.models.base import Model


class Source(Model, frozen=True, kw_only=True):
    """``[source]``: an archive by its digest and any places that have it, or a git commit."""

    sha256: Annotated[
        OptionalSha256, Meta(description="Digest of the archive; `sha256sum FILE` tells it.")
    ] = ""
    places: Annotated[
        tuple[Place, ...],
        Meta(
            description="Upstream URL first, then alternatives; `debian:PATH` is a file below"
            " the Debian mirror's pool/, `index:NAME/FILE` one of the Python index."
        ),
    ] = ()
    git: Annotated[
        OptionalLine,
        Meta(
            description="Instead of an archive a git repository; one with submodules is refused.",
            examples=["https://example.com/project.git"],
        ),
    ] = ""
    commit: Annotated[
        Commit,
        Meta(description="Which of its commits: the whole name that `git rev-parse` says."),
    ] = ""


class StepLimits(Model, frozen=True, kw_only=True):
    """``[limits]``: when a step is ended; neither changes what is built."""

    seconds: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Wall time of a step.")
    ] = None
    megabytes: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Memory that its processes hold together."),
    ] = None


_Words = tuple[Line, ...]


class TemplateStep(Model, frozen=True, kw_only=True):
    """``steps``: a build system by its name, one in each table, with words that are shell."""

    autotools: Annotated[
        _Words | None,
        Meta(
            description="`./configure` with --prefix, --libdir and these words, `make`,"
            " `make install`.",
            examples=[["--disable-static"]],
        ),
    ] = None
    cmake: Annotated[
        _Words | None,
        Meta(
            description="`cmake` with these words, `make`, `make install`.",
            examples=[["-DBUILD_TESTING=OFF"]],
        ),
    ] = None
    meson: Annotated[
        _Words | None,
        Meta(
            description="`meson setup` with these words, `ninja`, `meson install`.",
            examples=[["-Dtests=false"]],
        ),
    ] = None
    make: Annotated[
        _Words | None,
        Meta(
            description="`make` and `make install`, each with these words.",
            examples=[['PREFIX="$PREFIX"']],
        ),
    ] = None
    tidy: Annotated[
        _Words | None,
        Meta(
            description="Strips the programs and libraries that it installed, leaves out static"
            " archives and `.la` files, then what these globs below the prefix cover, and"
            " directories that are empty. A glob that covers nothing is an error.",
            examples=[["bin", "share/man"]],
        ),
    ] = None
    directory: Annotated[
        Directory,
        Meta(description="Where in the source the build system is; at its top when empty."),
    ] = ""

    @property
    def given(self) -> dict[str, tuple[str, ...]]:
        """The templates that it names, with their words; a valid one names one."""
        found = {
            "autotools": self.autotools,
            "cmake": self.cmake,
            "make": self.make,
            "meson": self.meson,
            "tidy": self.tidy,
        }
        return {name: words for name, words in found.items() if words is not None}

    @property
    def template(self) -> str:
        """The template that it names."""
        return next(iter(self.given))

    @property
    def words(self) -> tuple[str, ...]:
        """The words that the template is given."""
        return next(iter(self.given.values()))


class Variant(Model, frozen=True, kw_only=True):
    """``[variants.NAME]``: another way to build it, that recipes choose: what it adds."""

    about: Annotated[OptionalLine, Meta(description="What it is for, in one line.")] = ""
    environment: Annotated[
        dict[Variable, OptionalLine],
        Meta(description="Variables that its steps and its test see besides."),
    ] = field(default_factory=dict)
    needs: Annotated[tuple[Name, ...], Meta(description="Further components that it links.")] = ()
    build_needs: Annotated[
        tuple[Name, ...], Meta(description="Further components that only its build needs.")
    ] = ()
    steps: Annotated[
        tuple[str | TemplateStep, ...], Meta(description="Steps after all others.")
    ] = ()
    prune: Annotated[
        tuple[Line, ...],
        Meta(description="Further globs of what a runtime artifact does not carry."),
    ] = ()


class Chosen(Model, frozen=True, kw_only=True):
    """``[software]``: which version of a component an app brings, and in which variants."""

    version: Annotated[
        OptionalVersion, Meta(description="Version or series; any when empty.", examples=["3.0"])
    ] = ""
    variants: Annotated[
        tuple[Name, ...],
        Meta(description="Variants of its definition: `omnibuild software show NAME` lists them."),
    ] = ()


class Software(Model, frozen=True, kw_only=True):
    """``software/<name>.toml``: one component compiled from source."""

    retired: ClassVar[Mapping[str, str]] = {
        "profiles": "call the table [variants.release]; its keys are the same"
    }

    name: Annotated[Name, Meta(description="The component's name; the file is called after it.")]
    extends: Annotated[
        OptionalName,
        OptionalVersion,
        Meta(
            description="Another definition, whose keys this one has where it has none of its own:"
            " a key that is given here replaces the other's, lists and tables as a whole. With the"
            " file's own name it is the one that ships.",
            examples=["python-3.13"],
        ),
    ] = ""
    version: Annotated[Version, Meta(description="Upstream version.")]
    license: Annotated[Line, Meta(description="SPDX licence expression.")]
    license_files: Annotated[
        tuple[Line, ...], Meta(description="Licence texts inside the source.", min_length=1)
    ]
    source: Source
    homepage: Annotated[OptionalLine, Meta(description="Where to read more.")] = ""
    patches: Annotated[
        tuple[Line, ...], Meta(description="Patch files beside this one, applied with -p1.")
    ] = ()
    needs: Annotated[
        tuple[Name, ...], Meta(description="Components it links or loads: bundled with it.")
    ] = ()
    build_needs: Annotated[
        tuple[Name, ...],
        Meta(
            description="Components only its build needs; templates add what they run themselves."
        ),
    ] = ()
    build_only: Annotated[
        bool,
        Meta(
            description="Whether it is a tool for building, that no app brings: it may then use all"
            " that the build root has, and is for `build-needs` alone."
        ),
    ] = False
    provides: Annotated[
        tuple[Line, ...],
        Meta(
            description="Globs below the prefix of what others are compiled with: headers,"
            " libraries, modules of pkg-config, programs. Who misses one is told who has it.",
            examples=[["include/libpq-fe.h", "lib/libpq.so", "bin/pg_config"]],
        ),
    ] = ()
    steps: Annotated[
        tuple[str | TemplateStep, ...],
        Meta(
            description="Shell, run one after the other in the source directory with -eu;"
            " $PREFIX, $JOBS, $CC, $CFLAGS, $CPPFLAGS, $LDFLAGS and $PKG_CONFIG_LIBDIR are set;"
            " $HARDENING is the part of $CFLAGS that steps with flags of their own add to them."
            " A plain `make` takes its jobs from those that all steps share; `make -j1` is serial."
            " The last steps install into $PREFIX.",
            min_length=1,
        ),
    ]
    test: Annotated[
        str,
        Meta(
            description="Shell that proves the installed result, in a fresh sandbox.", min_length=1
        ),
    ]
    prune: Annotated[
        tuple[Line, ...],
        Meta(
            description="Globs below the prefix that a runtime artifact does not carry, `*` within"
            " one name."
        ),
    ] = ()
    when_needed: Annotated[
        tuple[Line, ...],
        Meta(
            description="Globs below the prefix of libraries that a runtime artifact carries only"
            " if another of its files loads them."
        ),
    ] = ()
    environment: Annotated[
        dict[Variable, OptionalLine],
        Meta(description="Variables that its steps and its test see besides."),
    ] = field(default_factory=dict)
    variants: Annotated[
        dict[Name, Variant],
        Meta(
            description="Other ways to build it, which a recipe chooses in [software];"
            " `build.profile` of a recipe chooses the one called `release`, where there is one."
        ),
    ] = field(default_factory=dict)
    limits: StepLimits = field(default_factory=StepLimits)
