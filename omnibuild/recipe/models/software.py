"""Software: one component compiled from source."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from omnibuild.recipe.fields import Line, Name, OptionalLine, Place, Sha256, Variable, Version
from omnibuild.recipe.models.base import Model


class Source(Model, frozen=True, kw_only=True):
    """``[source]``: one digest, any number of places that have those bytes."""

    sha256: Annotated[Sha256, Meta(description="Digest of the archive.")]
    places: Annotated[
        tuple[Place, ...],
        Meta(
            description="Upstream URL first, then alternatives; `debian:PATH` is a file below"
            " the Debian mirror's pool/.",
            min_length=1,
        ),
    ]


class Profile(Model, frozen=True, kw_only=True):
    """``[profiles.NAME]``: what a recipe that asks for the profile changes."""

    environment: Annotated[
        dict[Variable, OptionalLine], Meta(description="Variables that its steps see besides.")
    ]


class StepLimits(Model, frozen=True, kw_only=True):
    """``[limits]``: when a step is ended; neither changes what is built."""

    seconds: Annotated[int, Meta(description="Wall time of a step.", ge=1)] | None = None
    megabytes: (
        Annotated[int, Meta(description="Memory that its processes hold together.", ge=1)] | None
    ) = None


class Software(Model, frozen=True, kw_only=True):
    """``software/<name>.toml``: one component compiled from source."""

    name: Annotated[Name, Meta(description="The component's name; the file is called after it.")]
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
        tuple[Name, ...], Meta(description="Components only its build needs.")
    ] = ()
    steps: Annotated[
        tuple[str, ...],
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
    profiles: Annotated[
        dict[Literal["release"], Profile], Meta(description="Other ways to build it.")
    ] = field(default_factory=dict)
    limits: StepLimits = field(default_factory=StepLimits)
