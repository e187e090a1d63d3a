"""Where everything lies in a repository; all paths are relative to its root, with ``/``."""

from __future__ import annotations

import re

from omnibuild.errors import PackageError, UsageError, Where
from omnibuild.patterns import regex

APT = "apt"
# Where packages are unless somebody names another component; every suite has it.
COMPONENT = "main"
INSTALLER = "install.sh"
CHECKSUM = ".sha256"
LANDING_PAGE = "index.html"
DOWNLOADS = "downloads"
# Appended to the name of a tarball, a PEX file or the installer.
SIGNATURE = ".asc"
# Of tarballs, and the lists of them; all are called after their digests.
LAYERS = "layers"
# What versions say that they are made of, called after digests.
MANIFESTS = "manifests"
PACKAGES = "packages"
LISTS = "lists"
# The same for programs, where they are few; else where to find them.
PACKAGES_JSON = "packages.json"
STATE = "state"
CATALOGUE = "state/catalogue"
CATALOGUED = "state/catalogue.json"
HEAD = "state/head.json"
LEAVES = "state/leaves"
RELEASES = "state/releases"
# What there was before any release of omnibuild.
EARLIER = "state/repository.json"
# Publishers take turns: to say what there is, and to show it to readers.
LOCK = "state/lock"
SHOWING = "state/showing/lock"
SHOWN = "state/shown.json"
# The small files below state/ where each request counts.
DESK = "state/desk.zst"
# On the desk only: what its directories list, and what readers were shown.
LISTED = "state/listed"
SEEN = "state/seen"

DEB_FIELDS = regex(r"[a-z0-9][a-z0-9+.-]* [0-9A-Za-z][0-9A-Za-z.+~:-]* [a-z0-9-]+")
RPM_FIELDS = regex(r"[0-9A-Za-z][0-9A-Za-z+._-]* [0-9A-Za-z.+~^_:-]+ [0-9A-Za-z_]+")
# A state of an architecture of a tree of yum, by its number.
GENERATION = regex(r"gen-([0-9]+)")
DOWNLOAD_NAME = regex(r"[0-9A-Za-z][0-9A-Za-z.+~_-]*\.(tar\.(gz|xz|zst)|pex)")
CHANNEL_NAME = regex(r"[a-z][a-z0-9-]{0,59}")
COMPONENT_NAME = regex(r"[a-z][a-z0-9-]{0,39}")

_KEYRING = regex(r"[a-z0-9-]+-[0-9a-f]{8}-archive-keyring")

# Of the 255 bytes that file systems allow, some are for what is called after a package.
LONGEST_NAME = 240


def check_channel(channel: str) -> None:
    """Raise :class:`UsageError` for a name that cannot be a directory and a suite."""
    if not CHANNEL_NAME.fullmatch(channel):
        raise UsageError(
            f"{channel!r} cannot be a channel",
            hint="use a lower-case letter and up to 59 more, digits or -, as: stable, team-testing",
        )


def check_component(component: str) -> None:
    """Raise :class:`UsageError` for a name that cannot be a directory of a suite."""
    if not COMPONENT_NAME.fullmatch(component):
        raise UsageError(
            f"{component!r} cannot be a component",
            hint="use a lower-case letter and up to 39 more, digits or -, as: main, contrib",
        )


_IMMUTABLE = regex(
    r"apt/pool/.+|apt/dists/.+/by-hash/.+|yum/.+/Packages/.+|yum/.+/repodata/[0-9a-f]{64}-.+"
    r"|yum/.+/gen-[0-9]+/.+|downloads/[^/]+\.(tar\.(gz|xz|zst)|pex)|layers/[^/]+|manifests/[^/]+"
    r"|state/(leaves|releases|filelists|contents)/.+"
)


def is_immutable(path: str) -> bool:
    """Tell whether what is at a path never becomes anything else."""
    return bool(_IMMUTABLE.fullmatch(path))


def is_record(path: str) -> bool:
    """Tell whether a file of the state is small, and called after its content."""
    return path.startswith(f"{STATE}/") and is_immutable(path)


def is_shown(path: str) -> bool:
    """Tell whether indexes are there, which only who shows them to readers writes."""
    return path.startswith((f"{APT}/dists/", "yum/")) and "/Packages/" not in path


def leaf(digest: str) -> str:
    """Return where some entries of a list are, whose digest that is."""
    return f"{LEAVES}/{digest}.zst"


def catalogue_leaf(digest: str) -> str:
    """Return where some names of the catalogue are, whose digest that is."""
    return f"{CATALOGUE}/{digest}.zst"


def release(digest: str) -> str:
    """Return where a state of a channel is, whose digest that is."""
    return f"{RELEASES}/{digest}.json"


def filelists_shard(digest: str) -> str:
    """Return where the file list of one rpm is kept, compressed."""
    return f"state/filelists/{digest}.xml.gz"


def contents_shard(digest: str) -> str:
    """Return where it is kept which files are in one .deb, compressed."""
    return f"state/contents/{digest}.gz"


def packed_index(suite: str, path: str) -> str:
    """Return where it is recorded of which pieces an apt index is made."""
    return f"state/packed/apt/{suite}/{path}.json"


def packed_tree(directory: str, *, based: bool) -> str:
    """Return where it is recorded of which pieces yum metadata is made, with an address or not."""
    return f"state/packed/{directory}/{'generation' if based else 'plain'}.json"


def key_path(name: str, suffix: str) -> str:
    """Return where the public key lies; ``suffix`` is ``asc`` (text) or ``gpg`` (binary)."""
    return f"keys/{name}.{suffix}"


def rpm_key_path(name: str) -> str:
    """Return where the public keys lie for dnf, called as on its hosts."""
    return f"keys/RPM-GPG-KEY-{name}"


def keyring_package(name: str) -> str:
    """Return what the package is called that brings a repository's keys to hosts."""
    return f"{name}-archive-keyring"


def is_keyring_package(name: str) -> bool:
    """Tell whether a package is that of some repository: their names end in an identity."""
    return bool(_KEYRING.fullmatch(name))


def package_page(name: str) -> str:
    """Return the page of a package."""
    return f"{PACKAGES}/{name}.html"


def list_page(first: str) -> str:
    """Return the list of packages that begins with this name."""
    return f"{LISTS}/{first}.html"


def list_json(first: str) -> str:
    """Return the same for programs."""
    return f"{LISTS}/{first}.json"


def suite_directory(suite: str) -> str:
    """Return the directory of an apt suite."""
    return f"{APT}/dists/{suite}"


def deb_path(
    name: str,
    version: str,
    architecture: str,
    suffix: str = ".deb",
    component: str = COMPONENT,
) -> str:
    """Return where a .deb lies, relative to ``apt/`` as its Filename field says.

    >>> deb_path("shop", "1:1.4-1", "amd64")
    'pool/main/s/shop/shop_1.4-1_amd64.deb'
    """
    _check(DEB_FIELDS, name, version, architecture)
    shelf = f"pool/{component}/{_shelf(name)}/{name}"
    return _short(f"{shelf}/{name}_{_without_epoch(version)}_{architecture}{suffix}")


def component_of(path: str) -> str:
    """Return the component of a .deb, by where it lies.

    >>> component_of("pool/contrib/s/shop/shop_1.4-1_amd64.deb")
    'contrib'
    """
    return path.split("/", 2)[1]


def in_component(path: str, component: str) -> str:
    """Return where the same .deb would lie in another component."""
    pool, _, rest = path.split("/", 2)
    return f"{pool}/{component}/{rest}"


def rpm_path(name: str, version: str, architecture: str) -> str:
    """Return where an .rpm lies, relative to what a baseurl names.

    >>> rpm_path("shop", "1.4-1", "x86_64")
    'Packages/s/shop-1.4-1.x86_64.rpm'
    """
    _check(RPM_FIELDS, name, version, architecture)
    file = f"{name}-{_without_epoch(version)}.{architecture}.rpm"
    return _short(f"Packages/{name[0].lower()}/{file}")


def yum_directory(channel: str, tree: str, architecture: str) -> str:
    """Return the directory that a baseurl names."""
    return f"yum/{channel}/{tree}/{architecture}"


def download_path(file_name: str) -> str:
    """Return where a tarball or a PEX file lies."""
    if not DOWNLOAD_NAME.fullmatch(file_name):
        raise PackageError(
            "it is neither called as a package nor as a tarball",
            where=Where(file_name),
            hint="give files that end in .deb, .rpm, .tar.gz, .tar.xz, .tar.zst or .pex",
        )
    return _short(f"{DOWNLOADS}/{file_name}")


def tarball_list(channel: str) -> str:
    """Return where a channel's tarballs are listed, for the installer."""
    return f"{DOWNLOADS}/{channel}.list"


def layer(digest: str) -> str:
    """Return where a layer of tarballs is, whose digest that is."""
    return f"{LAYERS}/{digest}.tar.zst"


def layer_list(digest: str) -> str:
    """Return where the layers of a tarball are listed, in a file of that digest."""
    return f"{LAYERS}/{digest}.list"


def manifest(digest: str) -> str:
    """Return the manifest of that digest."""
    return f"{MANIFESTS}/{digest}.json"


def _shelf(name: str) -> str:
    """Libraries would crowd under one letter: they are shelved by four, as in Debian."""
    return name[:4] if name.startswith("lib") and len(name) > len("lib") else name[0]


def _without_epoch(version: str) -> str:
    # As in the archives of the distributions, an epoch is no part of a file's name.
    return version.partition(":")[2] or version


def _short(path: str) -> str:
    """Return ``path``; raises :class:`PackageError` when a file system cannot have it."""
    for name in path.split("/"):
        if len(name) > LONGEST_NAME:
            raise PackageError(
                f"the package would be a file whose name has {len(name)} bytes",
                why=f"{name[:60]}…",
                hint=f"its name, version and architecture take at most {LONGEST_NAME} together",
            )
    return path


def _check(fields: re.Pattern[str], name: str, version: str, architecture: str) -> None:
    # A package file is foreign input: no field of it may leave the repository as a path.
    if not fields.fullmatch(f"{name} {version} {architecture}"):
        raise PackageError(
            "the package's name, version or architecture is not valid",
            why=f"name {name!r}, version {version!r}, architecture {architecture!r}",
        )
