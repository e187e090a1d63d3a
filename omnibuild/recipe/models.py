"""Recipes, software and platforms as validated, frozen data.

Parser, JSON schema and reference page come from these; fields' descriptions are for users.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from omnibuild.recipe.fields import (
    Address,
    Architecture,
    HostPath,
    Line,
    Listen,
    Name,
    OptionalLine,
    Pin,
    Place,
    Script,
    Sha256,
    Text,
    Variable,
    Version,
)


class Model(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename="kebab",
):
    """Base of all definitions: frozen, and unknown keys are errors.

    Defaults are left out of keys: a field that a later version adds rebuilds nothing.
    """


class App(Model, frozen=True, kw_only=True):
    """``[app]``: what the package is called and says about itself."""

    name: Annotated[
        Name,
        Meta(description="Package name, command prefix and directory name.", examples=["shop"]),
    ]
    version: Annotated[Version, Meta(description="Upstream version of the app.")]
    summary: Annotated[Line, Meta(description="One line that says what the app is.", max_length=80)]
    license: Annotated[Line, Meta(description="SPDX licence expression.")]
    maintainer: Annotated[Address, Meta(description="Name and address.")]
    description: Annotated[
        Text, Meta(description="Longer text, paragraphs apart by a blank line.")
    ] = ""
    homepage: Annotated[OptionalLine, Meta(description="Where to read more.")] = ""
    vendor: Annotated[OptionalLine, Meta(description="Who publishes the package.")] = ""


class AppSource(Model, frozen=True, kw_only=True):
    """``[source]``: the app's own code; exactly one of ``path`` and ``index``."""

    path: Annotated[
        OptionalLine, Meta(description="Directory of a Python project, relative to the recipe.")
    ] = ""
    index: Annotated[
        Pin, Meta(description="`name==version` of a package that the lock file pins.")
    ] = ""


class Python(Model, frozen=True, kw_only=True):
    """``[python]``: the interpreter and the packages the app needs."""

    version: Annotated[
        str, Meta(description="CPython series.", pattern=r"^3\.[0-9]+\Z", examples=["3.13"])
    ]
    lock: Annotated[
        Line, Meta(description="pylock.toml with the app's packages, relative to the recipe.")
    ]
    build_lock: Annotated[
        OptionalLine, Meta(description="pylock.toml with what builds wheels from source (PEP 517).")
    ] = ""
    from_source: Annotated[
        tuple[str, ...],
        Meta(description="Packages that `omnibuild lock` pins as source, to be compiled here."),
    ] = ()


class Web(Model, frozen=True, kw_only=True):
    """``[web]``: how the app is served over HTTP."""

    server: Annotated[Literal["gunicorn"], Meta(description="The WSGI server.")]
    app: Annotated[
        str,
        Meta(
            description="`module:callable`.",
            pattern=r"^[\w.]+:[\w.]+(\(\))?\Z",
            examples=["shop.wsgi:application"],
        ),
    ]
    proxy: Annotated[
        Literal["nginx"] | None, Meta(description="A reverse proxy in front, or none.")
    ] = None
    listen: Annotated[Listen, Meta(description="Address and port that answer requests.")] = (
        "127.0.0.1:8080"
    )
    workers: Annotated[int, Meta(description="Server processes.", ge=1, le=256)] = 2
    health: Annotated[
        str,
        Meta(
            description="Path that answers 200 when all is well.",
            pattern=r"^/[^\s\x00-\x1f\x7f]*\Z",
            examples=["/health"],
        ),
    ] = "/"


class Service(Model, frozen=True, kw_only=True):
    """``[services.NAME]``: a process that runs as long as the app does."""

    command: Annotated[Line, Meta(description="A console script of the app and its arguments.")]


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
    platforms: Annotated[tuple[Name, ...], Meta(description="Where it runs; all when empty.")] = ()


class Recipe(Model, frozen=True, kw_only=True):
    """``recipes/<app>.toml``: one app, from source to host."""

    app: App
    source: AppSource | UnsetType = UNSET
    python: Python | UnsetType = UNSET
    software: Annotated[
        dict[Name, Version], Meta(description="Further components to bundle: name to version.")
    ] = field(default_factory=dict)
    web: Web | UnsetType = UNSET
    services: Annotated[dict[Name, Service], Meta(description="Further services.")] = field(
        default_factory=dict
    )
    commands: Annotated[
        dict[Script, Script],
        Meta(description="Command in /usr/bin to a console script of the app."),
    ] = field(default_factory=dict)
    environment: Annotated[
        dict[Variable, OptionalLine],
        Meta(
            description="Variables of all its processes and commands, unless set by the host."
            " A value that is a path of [config] follows the file where a moved tree keeps it."
        ),
    ] = field(default_factory=dict)
    config: Annotated[
        dict[HostPath, Line],
        Meta(description="Conffile on the host to a file, relative to the recipe."),
    ] = field(default_factory=dict)
    package: Package = field(default_factory=Package)


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
            " $PREFIX, $JOBS, $CC, $CFLAGS, $CPPFLAGS, $LDFLAGS and $PKG_CONFIG_LIBDIR are set."
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
        Meta(description="Globs below the prefix that a runtime artifact does not carry."),
    ] = ()


class Debian(Model, frozen=True, kw_only=True):
    """``[deb]``: what its dpkg and apt can read."""

    compression: Annotated[
        Literal["zstd", "xz", "gzip"], Meta(description="Compression of data.tar.")
    ]
    architecture: Annotated[
        Architecture, Meta(description="dpkg's name of the architecture.", examples=["amd64"])
    ]
    revision_suffix: Annotated[
        str,
        Meta(
            description="Appended to the revision where the bytes differ.",
            pattern=r"^(~[a-z0-9.+]+)?\Z",
            examples=["~deb11"],
        ),
    ] = ""
    suite_suffix: Annotated[
        str,
        Meta(
            description="Appended to the channel for a suite of its own.",
            pattern=r"^(-[a-z0-9.+]+)?\Z",
            examples=["-deb11"],
        ),
    ] = ""


class Rpm(Model, frozen=True, kw_only=True):
    """``[rpm]``: what its rpm and dnf can read."""

    architecture: Annotated[
        Architecture, Meta(description="rpm's name of the architecture.", examples=["x86_64"])
    ]
    tree: Annotated[Name, Meta(description="Directory of its yum tree.", examples=["el9"])]


class Tar(Model, frozen=True, kw_only=True):
    """``[tar]``: a tarball that runs from any directory."""

    architecture: Annotated[
        Architecture, Meta(description="Name of the architecture in the file name.")
    ]


class Platform(Model, frozen=True, kw_only=True):
    """``platforms/<name>.toml``: where packages run; exactly one of deb, rpm and tar."""

    name: Annotated[Name, Meta(description="What `--platform` takes; the file is called after it.")]
    title: Annotated[Line, Meta(description="What people call it.")]
    glibc: Annotated[
        str,
        Meta(
            description="Lowest glibc version among its hosts: the ceiling of what may be used.",
            pattern=r"^2\.[0-9]+\Z",
            examples=["2.31"],
        ),
    ]
    root: Annotated[
        Name, Meta(description="The root that components are compiled in.", examples=["bullseye"])
    ]
    deb: Debian | None = None
    rpm: Rpm | None = None
    tar: Tar | None = None
