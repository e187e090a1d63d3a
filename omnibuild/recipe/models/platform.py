"""Platforms: where packages run, and what their tools can read."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from omnibuild.recipe.fields import Architecture, Line, Name
from omnibuild.recipe.models.base import Model


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


class Oci(Model, frozen=True, kw_only=True):
    """``[oci]``: an image for container engines."""

    architecture: Annotated[
        Architecture,
        Meta(description="Name of the architecture in registries.", examples=["amd64"]),
    ]
    base: Annotated[
        Name,
        Meta(
            description="The root whose files are beneath the app's: the lowest layer.",
            examples=["container"],
        ),
    ]


class Pex(Model, frozen=True, kw_only=True):
    """``[pex]``: one file of the app's wheels, for hosts that have its interpreter."""

    architecture: Annotated[
        Architecture,
        Meta(
            description="Name of the architecture in the file name, where a wheel is compiled.",
            examples=["x86_64"],
        ),
    ]


class ArchLinux(Model, frozen=True, kw_only=True):
    """``[archlinux]``: a package for pacman, written by nfpm."""

    architecture: Annotated[
        Architecture,
        Meta(description="pacman's name of the architecture.", examples=["x86_64"]),
    ]


class Apk(Model, frozen=True, kw_only=True):
    """``[apk]``: a package for apk of a system with glibc, written by nfpm."""

    architecture: Annotated[
        Architecture, Meta(description="apk's name of the architecture.", examples=["x86_64"])
    ]


class Ipk(Model, frozen=True, kw_only=True):
    """``[ipk]``: a package for opkg of a system with glibc, written by nfpm."""

    architecture: Annotated[
        Architecture,
        Meta(
            description="One of the architectures that its opkg takes, as /etc/opkg lists them.",
            examples=["x86_64"],
        ),
    ]


Settings = Debian | Rpm | Tar | Oci | Pex | ArchLinux | Apk | Ipk
# Of the tables of a platform, each for a format.
FORMATS: Final = ("deb", "rpm", "tar", "oci", "pex", "archlinux", "apk", "ipk")


class Platform(Model, frozen=True, kw_only=True):
    """``platforms/<name>.toml``: where packages run; exactly one table of a format."""

    name: Annotated[Name, Meta(description="What `--platform` takes; the file is called after it.")]
    title: Annotated[Line, Meta(description="What people call it.")]
    glibc: Annotated[
        str,
        Meta(
            description="Lowest glibc version among its hosts: the ceiling of what may be used.",
            pattern=r"^2\.[0-9]{1,3}\Z",
            examples=["2.31"],
        ),
    ]
    root: Annotated[
        Name, Meta(description="The root that components are compiled in.", examples=["bullseye"])
    ]
    on_request: Annotated[
        bool,
        Meta(
            description="Built only where it is named: in `package.platforms` or by `--platform`."
        ),
    ] = False
    deb: Debian | None = None
    rpm: Rpm | None = None
    tar: Tar | None = None
    oci: Oci | None = None
    pex: Pex | None = None
    archlinux: ArchLinux | None = None
    apk: Apk | None = None
    ipk: Ipk | None = None

    @property
    def settings(self) -> Settings:
        """What it says of its format, whichever that is."""
        found: Settings = next(one for name in FORMATS if (one := getattr(self, name)))
        return found
